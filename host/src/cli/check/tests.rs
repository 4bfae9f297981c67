//! Facts about rows, verdicts and how a certificate is shown.

use clap::Parser;

use super::*;
use crate::cli::args::{Cli, Command, PluginCommand};
use crate::conformance::{CaseReport, Figure, Outcome};

fn args(line: &str) -> CheckArgs {
    let cli = Cli::try_parse_from(line.split(' ')).unwrap();
    let Command::Plugin(PluginCommand::Check(args)) = cli.command else { panic!("{line}") };
    args
}

/// A certificate of a bundled plugin without any row.
fn certificate() -> Certificate {
    let state = tempfile::tempdir().unwrap();
    let line = format!("siltstone plugin check filesystem --state-dir {}", state.path().display());
    let args = args(&line);
    Certificate::begin(&Subject::read(&args).unwrap(), depth(&args))
}

const LOADS: Fact = Fact { area: "plugin", name: "the_component_loads" };
const DESCRIBES: Fact = Fact { area: "plugin", name: "it_describes_itself" };

#[test]
fn thorough_asks_for_more_and_numbers_can_be_given() {
    let (normal, thorough) =
        (depth(&args("siltstone plugin check s3")), depth(&args("siltstone plugin check s3 --thorough")));
    assert_eq!((normal.many, normal.most, normal.large, normal.rounds), (1_001, 5_001, 64 << 20, 3));
    assert_eq!(
        (thorough.many, thorough.most, thorough.large, thorough.rounds),
        (10_000, 10_000, 256 << 20, 20)
    );
    let given = depth(&args("siltstone plugin check s3 --thorough --keys 5001 --rounds 1"));
    assert_eq!((given.many, given.most, given.rounds, given.large), (5_001, 5_001, 1, thorough.large));
}

#[test]
fn no_two_facts_have_one_name() {
    let mut names: Vec<&str> = facts().iter().map(|fact| fact.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn a_failed_step_leaves_the_ones_before_it_and_the_rest_is_not_run() {
    let mut certificate = certificate();
    let error = Error::new(ErrorKind::Plugin, "describe", "it broke off");
    let steps: [(Fact, &[&str]); 2] = [(LOADS, &[]), (DESCRIBES, &["describe"])];
    assert!(certificate.blame::<()>(&steps, Instant::now(), Err(error)).is_err());
    certificate.fill(&facts());
    let of = |name: &str| certificate.rows.iter().find(|row| row.name == name).unwrap().outcome.clone();
    assert_eq!(of(LOADS.name), Outcome::Passed);
    assert_eq!(of(DESCRIBES.name), Outcome::Failed("describe: it broke off".to_owned()));
    assert!(matches!(of("a_small_object_is_put"), Outcome::NotRun(_)));
    assert_eq!(certificate.rows.len(), facts().len());
    let report = certificate.report();
    assert!(
        !certificate.passed()
            && report.failure.unwrap().1.contains("it describes itself: describe: it broke off")
    );
    assert_eq!(report.json["passed"], false);
}

#[test]
fn an_error_of_no_step_is_blamed_on_the_first_that_owns_none() {
    let mut certificate = certificate();
    let error = Error::invalid("load", "no component");
    let steps: [(Fact, &[&str]); 2] = [(LOADS, &[]), (DESCRIBES, &["describe"])];
    assert!(certificate.blame::<()>(&steps, Instant::now(), Err(error)).is_err());
    let names: Vec<&str> = certificate.rows.iter().map(|row| row.name).collect();
    assert_eq!(names, [LOADS.name]);
}

#[test]
fn a_certificate_shows_areas_results_reasons_and_figures() {
    let mut certificate = certificate();
    certificate.add(LOADS, Outcome::Passed, Duration::from_millis(20));
    let reason = "head: \u{1b}[2J";
    certificate.add(DESCRIBES, Outcome::Failed(reason.to_owned()), Duration::from_secs(1));
    certificate.rows.push(CaseReport {
        area: "multipart uploads",
        name: "parts_come_in_any_order",
        outcome: Outcome::NotApplicable("parts in any order".to_owned()),
        seen: String::new(),
        elapsed: Duration::ZERO,
    });
    certificate.rows.push(CaseReport {
        area: "multipart uploads",
        name: "there_is_another_page",
        outcome: Outcome::NotShown("there was one".to_owned()),
        seen: String::new(),
        elapsed: Duration::ZERO,
    });
    certificate.clean();
    certificate.figures.push(Figure {
        what: "put",
        how: "64 MiB in 8 parts".to_owned(),
        at_once: 8,
        rate: 123.45,
        unit: "MiB/s",
    });
    let report = certificate.report();
    let text = report.text;
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    assert!(lines.contains(&"plugin") && lines.contains(&"multipart uploads"), "{text}");
    assert!(text.contains("  the component loads      passed          0.02 s\n"), "{text}");
    assert!(text.contains("FAILED          1.00 s  head: \\u{1b}[2J\n"), "{text}");
    assert!(text.contains("not applicable          parts in any order"), "{text}");
    assert!(
        text.contains("8 calls at once  123.5 MiB/s") || text.contains("8 calls at once  123.4 MiB/s"),
        "{text}"
    );
    assert!(
        text.contains(
            "FAILED: of 4 checks 1 passed, 1 failed, 1 do not apply, 0 were not run; not shown: there is another page"
        ),
        "{text}"
    );
    assert!(text.contains("not shown               there was one"), "{text}");
    assert_eq!(report.json["checks"][1]["reason"], "head: \\u{1b}[2J");
    assert_eq!(report.json["checks"][3]["result"], "not_shown");
    assert_eq!(report.json["plugin"]["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn what_keeps_a_check_from_beginning_is_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("x.wasm"), "no component").unwrap();
    std::fs::write(path("typo.toml"), "orgins = []").unwrap();
    std::fs::write(path("grants.toml"), "origins = [\"https://a.example\"]").unwrap();
    std::fs::write(path("pin.toml"), format!("sha256 = \"{}\"", "0".repeat(64))).unwrap();
    let (wasm, state) = (path("x.wasm"), path("state"));
    for (line, wants) in [
        (format!("{} --config {}", path("missing.wasm"), path("grants.toml")), "neither a file nor a plugin"),
        (wasm.clone(), "--config check.toml"),
        (format!("{wasm} --config {}", path("missing.toml")), "missing.toml"),
        (format!("{wasm} --config {}", path("typo.toml")), "did you mean `origins`?"),
        (format!("{wasm} --config {}", path("pin.toml")), "its manifest pins"),
        (format!("filesystem --config {}", path("grants.toml")), "`[environment]` and `[wrong]` only"),
    ] {
        let args = args(&format!("siltstone plugin check {line} --state-dir {state}"));
        let error = Subject::read(&args).unwrap_err();
        assert!(error.to_string().contains(wants), "{line}: {error}");
        assert_eq!(crate::cli::Exit::of(&error), crate::cli::Exit::Refused, "{line}");
    }
}
