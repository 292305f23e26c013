//! Gives every parser wrong inputs for a while: `fuzz [minutes [seed [target…]]]`, five minutes each without.
//! As many at a time as there are processors. Fails if one stumbles, and says over which seed: `fuzz seed NUMBER target` gives
//! it that one input again.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tests::fuzz::{Fared, TARGETS, Target};

#[expect(clippy::print_stdout, reason = "a command-line tool talks to its user")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, number, name] = arguments.as_slice()
        && word == "seed"
    {
        let number = number.parse().unwrap_or_default();
        let holds = TARGETS.into_iter().filter(|target| target.name == name).all(|target| target.holds(number));
        return if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let minutes: f64 = arguments.first().and_then(|text| text.parse().ok()).unwrap_or(5.0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let seed = arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(now);
    let wanted = arguments.get(2..).unwrap_or_default();
    let is_wanted = |target: &Target| wanted.is_empty() || wanted.iter().any(|name| name == target.name);
    let targets: Vec<Target> = TARGETS.into_iter().filter(is_wanted).collect();
    let time = Duration::from_secs_f64((minutes * 60.0).clamp(0.1, 86_400.0));
    println!("{} parsers, {:.0} s each, seed {seed}", targets.len(), time.as_secs_f64());
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(target) = targets.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let fared = target.run(seed, time);
                    tell(&fared);
                    if let Ok(mut failures) = failures.lock() {
                        *failures += fared.failed.len();
                    }
                }
            });
        }
    });
    if failures.into_inner().is_ok_and(|failures| failures == 0) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "a command-line tool talks to its user")]
fn tell(fared: &Fared) {
    let Fared { name, inputs, took, failed } = fared;
    let seeds: Vec<String> = failed.iter().map(u64::to_string).collect();
    let verdict = if seeds.is_empty() { "clean".to_owned() } else { format!("FAILED, seeds {}", seeds.join(" ")) };
    println!("{name:20} {inputs:>12} inputs in {:>6.1} s  {verdict}", took.as_secs_f64());
}
