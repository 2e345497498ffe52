//! Random histories: archives come, go, change, rot; time passes; runs have budgets. No changed
//! archive is ever skipped, no rot outlives a cycle, and the end of the cycle is kept.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::{
    ArchiveKey, Budget, Digest, FileStamp, Naming, Present, ReadPlan, Reader, Reading, Settings,
    Snapshot, State, Survey, Verdict, decide, judge,
};

const DAY: i64 = 86_400;
const PLACE: &str = "/dump";
const READER: Reader<'static> = Reader {
    program: "1",
    checks: 1,
};

#[derive(Debug, Clone)]
enum Event {
    Comes {
        name: u8,
        size: u64,
    },
    Goes(u8),
    /// Written again, as a program does it: the time of change tells.
    Changes {
        name: u8,
        size: u64,
    },
    /// Put there by another way, so that one thing alone tells: a copy of an older file, a file
    /// moved over it, one written twice within a second, or a longer one with the old time.
    Slips {
        name: u8,
        by: Slip,
    },
    /// The clock is set back: proofs come from the future.
    SetBack(i64),
    /// A bit flips on the disk: nothing tells.
    Rots(u8),
    Passes(i64),
    Run {
        killed_after: Option<usize>,
    },
    /// One that reads only what is new or changed.
    Hook,
    LedgerLost,
}

#[derive(Debug, Clone, Copy)]
enum Slip {
    Older,
    Inode,
    Nanos,
    Size,
}

#[derive(Debug, Clone)]
struct File {
    stamp: FileStamp,
    content: u8,
}

struct World {
    now: i64,
    clock: i64,
    files: BTreeMap<u8, File>,
    ledger: Snapshot,
    settings: Settings,
}

impl World {
    fn survey(&self) -> Survey {
        let archives = self.files.iter().map(|(name, file)| Present {
            name: name.to_string(),
            stamp: file.stamp,
        });
        Survey {
            places: BTreeMap::from([(PLACE.to_owned(), archives.collect())]),
        }
    }

    fn put(&mut self, name: u8, size: u64) {
        self.clock += 1;
        let stamp = FileStamp {
            size,
            mtime: self.clock,
            mtime_nanos: 0,
            inode: u64::from(name),
        };
        self.files.insert(
            name,
            File {
                stamp,
                content: name,
            },
        );
    }

    fn slip(&mut self, name: u8, by: Slip) {
        self.clock += 1;
        let clock = self.clock;
        if let Some(file) = self.files.get_mut(&name) {
            match by {
                // Never a time that the file had before.
                Slip::Older => file.stamp.mtime = -clock,
                Slip::Inode => file.stamp.inode = 1000 + u64::try_from(clock).unwrap(),
                Slip::Nanos => file.stamp.mtime_nanos = u32::try_from(clock).unwrap(),
                Slip::Size => file.stamp.size += 1,
            }
        }
    }

    fn run(&mut self, killed_after: Option<usize>) -> ReadPlan {
        let plan = decide(&self.survey(), &self.ledger, self.now, &self.settings);
        for key in &plan.forget {
            self.ledger.remove(key);
        }
        for read in plan.read.iter().take(killed_after.unwrap_or(usize::MAX)) {
            let name: u8 = read.key.name.parse().unwrap();
            let file = &self.files[&name];
            let reading = Reading::Read {
                stamp: file.stamp,
                sha256: Some(Digest([file.content; 32])),
                verdict: Verdict::OK,
                at: self.now,
                millis: 1,
                detail: serde_json::Value::Null,
            };
            let entry = judge(self.ledger.get(&read.key), reading, Naming::Unique, READER);
            self.ledger.insert(read.key.clone(), entry);
        }
        plan
    }

    fn key(name: u8) -> ArchiveKey {
        ArchiveKey::new(PLACE, name.to_string())
    }

    fn check(&self, plan: &ReadPlan, killed: bool) -> Result<(), TestCaseError> {
        let named = plan.read.iter().map(|read| &read.key);
        let all: Vec<_> = named
            .chain(&plan.trust)
            .chain(plan.postponed.iter().map(|postponed| &postponed.key))
            .collect();
        prop_assert_eq!(
            all.len(),
            self.files.len(),
            "each archive stands in one list"
        );
        if killed {
            return Ok(());
        }
        for (name, file) in &self.files {
            let proof = self.ledger[&Self::key(*name)].proof.as_ref().unwrap();
            prop_assert_eq!(proof.stamp, file.stamp, "a changed archive was skipped");
        }
        for key in &plan.trust {
            let proof = self.ledger[key].proof.as_ref().unwrap();
            prop_assert!(self.now - proof.read_at < self.settings.max_age);
        }
        Ok(())
    }
}

fn event() -> impl Strategy<Value = Event> {
    let name = 0_u8..12;
    prop_oneof![
        3 => (name.clone(), 1_u64..100).prop_map(|(name, size)| Event::Comes { name, size }),
        1 => name.clone().prop_map(Event::Goes),
        1 => (name.clone(), 1_u64..100).prop_map(|(name, size)| Event::Changes { name, size }),
        1 => name.clone().prop_map(Event::Rots),
        2 => (name, prop_oneof![
            Just(Slip::Older), Just(Slip::Inode), Just(Slip::Nanos), Just(Slip::Size)
        ]).prop_map(|(name, by)| Event::Slips { name, by }),
        1 => (0..3 * DAY).prop_map(Event::SetBack),
        4 => (0..12 * DAY).prop_map(Event::Passes),
        5 => proptest::option::weighted(0.2, 0_usize..5)
            .prop_map(|killed_after| Event::Run { killed_after }),
        1 => Just(Event::Hook),
        1 => Just(Event::LedgerLost),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    (
        1..40_i64,
        proptest::option::of(0_u64..300),
        proptest::option::of(0_u64..3),
    )
        .prop_map(|(days, bytes, seconds)| Settings {
            max_age: days * DAY,
            budget: Budget {
                bytes,
                seconds,
                paused: false,
            },
            run_interval: DAY,
            checks: 1,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn nothing_changed_is_skipped_and_every_cycle_ends(
        events in proptest::collection::vec(event(), 1..60),
        settings in settings(),
    ) {
        let mut world = World {
            now: 1_000 * DAY,
            clock: 0,
            files: BTreeMap::new(),
            ledger: Snapshot::new(),
            settings,
        };
        for event in events {
            match event {
                Event::Comes { name, size } | Event::Changes { name, size } => world.put(name, size),
                Event::Slips { name, by } => world.slip(name, by),
                Event::SetBack(seconds) => world.now -= seconds,
                Event::Goes(name) => {
                    world.files.remove(&name);
                }
                Event::Rots(name) => {
                    if let Some(file) = world.files.get_mut(&name) {
                        file.content ^= 0x80;
                    }
                }
                Event::Passes(seconds) => world.now += seconds,
                Event::Run { killed_after } => {
                    let plan = world.run(killed_after);
                    world.check(&plan, killed_after.is_some())?;
                }
                Event::Hook => {
                    let budget = world.settings.budget;
                    world.settings.budget.paused = true;
                    let plan = world.run(None);
                    prop_assert_eq!(plan.renewals, plan.read.len());
                    world.settings.budget = budget;
                    world.check(&plan, false)?;
                }
                // The measure is lost with it: what had rotted before is not known any more.
                Event::LedgerLost => world.ledger.clear(),
            }
        }
        // Who was read in this very second would stand beside those that are read next.
        world.now += 1;
        ends_its_cycle(&mut world)?;
    }
}

/// Runs day by day without any other event: at the promised end, and not before, all were read.
fn ends_its_cycle(world: &mut World) -> Result<(), TestCaseError> {
    let start = world.now;
    let plan = world.run(None);
    world.check(&plan, false)?;
    // A budget of time follows the speed, which is the same for all here and changes no promise;
    // one of bytes does not move at all.
    let promised = plan.cycle_end;
    prop_assert!(promised >= start);
    let read_at =
        |world: &World, key: &ArchiveKey| world.ledger[key].proof.as_ref().unwrap().read_at;
    let waiting: Vec<(ArchiveKey, i64)> = plan
        .trust
        .into_iter()
        .chain(plan.postponed.into_iter().map(|postponed| postponed.key))
        .map(|key| (key.clone(), read_at(world, &key)))
        .collect();
    let unread = |world: &World| {
        let same = |waiting: &&(ArchiveKey, i64)| read_at(world, &waiting.0) == waiting.1;
        waiting.iter().filter(same).count()
    };
    let by_time = world.settings.budget.seconds.is_some();
    while world.now < promised {
        prop_assert!(unread(world) > 0, "the promise was too late");
        world.now += world.settings.run_interval;
        let plan = world.run(None);
        world.check(&plan, false)?;
    }
    if !by_time {
        prop_assert_eq!(unread(world), 0, "the promise was not kept");
    }
    // However it was limited, it ends.
    for _ in 0..500 {
        world.now += world.settings.run_interval;
        world.run(None);
    }
    prop_assert_eq!(unread(world), 0);
    for (name, file) in &world.files {
        let proof = world.ledger[&World::key(*name)].proof.as_ref().unwrap();
        let rotten = proof.sha256 != Some(Digest([file.content; 32]));
        prop_assert_eq!(rotten, proof.verdict.state == State::Corrupt);
    }
    Ok(())
}
