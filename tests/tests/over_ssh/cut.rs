//! The connection is cut at any point: the run is done once, and the next call tells its end.

use anyhow::Result;
use reprise_tests::cutter::Cutter;

use crate::world::{World, ends};

/// Points between nothing and everything, the same in every run of the tests: most of them where
/// the run is being told, for the greeting of ssh is most of the bytes.
fn points(whole: u64) -> Vec<u64> {
    let mut state: u64 = 0x5EED;
    let mut within = |from: u64, to: u64, count: u64| -> Vec<u64> {
        let part = (to - from) / count;
        (0..count)
            .map(|number| {
                // A point in each part, anywhere in it.
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                from + part * number + (state >> 33) % part.max(1)
            })
            .collect()
    };
    let told = whole / 5 * 4;
    let mut points = within(0, told, 4);
    points.extend(within(told, whole, 8));
    points
}

#[test]
fn wherever_it_is_cut_it_is_done_once() -> Result<()> {
    let Some(world) = World::start()? else {
        return Ok(());
    };
    let arguments = ["--yes", "--milliseconds", "1200"];
    ends(&world.on_far(&arguments)?, 0, &[]);
    let whole = Cutter::start(world.sshd.port(), u64::MAX)?;
    ends(&world.run(whole.port(), "far", &arguments)?, 0, &[]);
    let whole = whole.passed();
    let (mut cut, mut found) = (0, 0);
    for after in points(whole) {
        std::fs::remove_file(world.file()).ok();
        let way = Cutter::start(world.sshd.port(), after)?;
        let first = world.run(way.port(), "far", &arguments)?;
        if first.code == Some(0) {
            // Its last bytes only say that the result was read.
            assert_eq!(world.done(), (1, 1), "after {after} of {whole} bytes");
            // Should that not have arrived, the result is told once more; then all is as before.
            world.on_far(&arguments)?;
            continue;
        }
        cut += 1;
        let says = first.output();
        assert!(
            says.contains("cannot reach `far`") || says.contains("`far`"),
            "{says}"
        );
        let second = world.on_far(&arguments)?;
        ends(&second, 0, &["Done:"]);
        assert_eq!(
            world.done(),
            (1, 1),
            "cut after {after} of {whole} bytes: {says}\n{}",
            second.output()
        );
        found += usize::from(second.stderr.contains("on `far`"));
    }
    // The points reach from the greeting to the last event.
    assert!(cut > 6, "{cut} were cut");
    assert!(found > 2, "{found} of {cut} were found again");
    Ok(())
}
