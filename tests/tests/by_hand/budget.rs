//! The number of calls of a run does not grow with the number of guests or jobs.

use anyhow::Result;
use reprise_lab::GuestKind;
use reprise_tests::site::add_guests;
use serde_json::json;

use crate::support::{World, succeeds};

/// The calls of a prediction, of making the job, and of finding it as it is.
fn calls(guests: u32, jobs: u32) -> Result<[usize; 3]> {
    let world = World::start()?;
    let node = world.site.node()?;
    add_guests(node, GuestKind::Qemu, 1000, guests)?;
    for number in 0..jobs {
        let vmid = (1000 + number).to_string();
        node.add_job(
            &format!("job-{number}"),
            &[("schedule", "daily"), ("vmid", &vmid)],
        );
    }
    let mut counts = [0; 3];
    for (at, count) in counts.iter_mut().enumerate() {
        node.clear_journal();
        let result = match at {
            0 => world.predict(json!({"keep_daily": 7}))?,
            _ => world.job(json!({"keep_daily": 7}))?,
        };
        succeeds(&result, at < 2);
        let covered = result["guests"].as_array().map(Vec::len);
        assert_eq!(covered, usize::try_from(guests).ok().map(|count| count + 4));
        *count = world.site.calls()?.0;
    }
    Ok(counts)
}

#[test]
fn a_thousand_guests_cost_as_many_calls_as_five() -> Result<()> {
    let few = calls(5, 2)?;
    let many = calls(1000, 200)?;
    assert_eq!(few, many);
    assert!(few.iter().all(|count| *count <= 12), "{few:?} calls");
    Ok(())
}
