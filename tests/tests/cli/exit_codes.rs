//! Exit codes: 0 done, 1 failed, 2 usage, 3 held back; with `--detailed-exitcode` also 2 for changes,
//! where 1 comes before 3 and 3 before 2.

use anyhow::Result;

use crate::edge::Edge;

const IN_PLACE: &str = r#"
pools.video = {}
fleet = ["i-0a running carrier=155.146.10.1"]
zone = ["video.bos.edge.example.com A registrar/default/video/i-0a weight=100 ttl=20 155.146.10.1"]
"#;

const CHANGES: &str = r#"
pools.video = {}
fleet = ["i-0a running carrier=155.146.10.1"]
"#;

const CHANGES_AND_HELD: &str = r#"
pools.video = {}
truncated = ["fleet"]
fleet = ["i-0a running carrier=155.146.10.1"]
zone = ["video.bos.edge.example.com A registrar/default/video/i-0b weight=100 ttl=20 155.146.10.2"]
"#;

const CHANGES_AND_HELD_AND_ERROR: &str = r#"
pools.video = {}
pools.games = "{"
truncated = ["fleet"]
fleet = ["i-0a running carrier=155.146.10.1"]
zone = ["video.bos.edge.example.com A registrar/default/video/i-0b weight=100 ttl=20 155.146.10.2"]
"#;

fn codes(scenario: &str) -> Result<(i32, i32)> {
    let edge = Edge::new(scenario)?;
    Ok((edge.plan(&[])?.code, edge.plan(&["--detailed-exitcode"])?.code))
}

#[test]
fn nothing_to_change_is_0_either_way() -> Result<()> {
    assert_eq!(codes(IN_PLACE)?, (0, 0));
    Ok(())
}

#[test]
fn changes_are_0_and_in_detail_2() -> Result<()> {
    assert_eq!(codes(CHANGES)?, (0, 2));
    Ok(())
}

#[test]
fn something_held_back_is_3_before_changes() -> Result<()> {
    assert_eq!(codes(CHANGES_AND_HELD)?, (3, 3));
    Ok(())
}

#[test]
fn an_error_is_1_before_everything() -> Result<()> {
    assert_eq!(codes(CHANGES_AND_HELD_AND_ERROR)?, (1, 1));
    Ok(())
}

#[test]
fn every_format_exits_alike() -> Result<()> {
    let edge = Edge::new(CHANGES_AND_HELD)?;
    for format in ["human", "json", "change-batch"] {
        edge.plan(&["--format", format])?.exited(3)?;
    }
    Ok(())
}

#[test]
fn wrong_usage_is_2_and_shows_how() -> Result<()> {
    let edge = Edge::new(CHANGES)?;
    for arguments in [vec!["plan"], vec!["plan", "--nonsense"], vec![], vec!["aplpy"]] {
        edge.run(&arguments)?.exited(2)?.silent()?.complains("Usage")?;
    }
    edge.plan(&["--now", "yesterday"])?.exited(2)?;
    Ok(())
}

#[test]
fn the_help_lists_the_exit_codes() -> Result<()> {
    Edge::new(CHANGES)?.run(&["--help"])?.exited(0)?.says("Exit codes")?.says("held back")?;
    Ok(())
}
