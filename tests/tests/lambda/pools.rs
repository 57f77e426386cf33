//! Pools of every kind: simple, multivalue, with a fallback, in other accounts, renamed, paused and retired.

use anyhow::Result;
use aws_stand_in::{Group, World};
use serde_json::{Value, json};

use crate::fleet::{
    document, id, ip, line, machine, mark, name, put_all, put_document, record, weighted_lines,
};
use crate::stage::{Stage, ZONE, publish};

const CHANGE: &str = "route53:ChangeResourceRecordSets";

/// Sets up `video` with a changed document and running instances.
async fn with_document(numbers: &[u16], change: impl Fn(&mut Value)) -> Result<Stage> {
    let mut changed = document("video");
    change(&mut changed);
    Stage::with(|world| {
        put_document(world, "video", &changed);
        put_all(world, numbers.iter().map(|number| machine("video", *number)));
        Ok(())
    })
    .await
}

/// The lines of a simple pool: one record set with every address, and one that says whose they are.
fn simple_lines(numbers: &[u16]) -> Vec<String> {
    let addresses: Vec<String> = numbers.iter().map(|number| ip(*number).to_string()).collect();
    let texts: Vec<String> =
        numbers.iter().map(|number| format!("\"{}={}\"", mark("video", *number), ip(*number))).collect();
    vec![
        format!("{} A ttl=20 {}", name("video"), addresses.join(" ")),
        format!("registrar-owner.{} TXT ttl=20 {}", name("video"), texts.join(" ")),
    ]
}

async fn fixpoint(stage: &Stage) -> Result<()> {
    let fresh = stage.environment().await?;
    assert_eq!(fresh.sweep().await?.calls_of(CHANGE), 0, "planning again after applying changes nothing");
    Ok(())
}

#[tokio::test]
async fn a_simple_pool_has_one_record_set_and_says_whose_it_is() -> Result<()> {
    let stage = with_document(&[1, 2], |document| document["record"]["routing"] = json!("simple")).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    assert_eq!(stage.records()?, simple_lines(&[1, 2]));
    put_all(&mut stage.world(), [machine("video", 3)]);
    stage.world().terminate(&id(1));
    stage.send_all([&stage.state_event(&id(1))?, &stage.state_event(&id(3))?])?;
    assert_eq!(environment.deliver().await?.failed(), Vec::<usize>::new());
    assert_eq!(stage.records()?, simple_lines(&[2, 3]));
    fixpoint(&stage).await
}

#[tokio::test]
async fn a_simple_pool_loses_its_last_address_with_both_record_sets() -> Result<()> {
    let stage = with_document(&[1], |document| document["record"]["routing"] = json!("simple")).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    stage.world().terminate(&id(1));
    environment.sweep().await?;
    assert_eq!(stage.records()?, Vec::<String>::new());
    fixpoint(&stage).await
}

#[tokio::test]
async fn a_multivalue_pool_has_a_record_set_for_each_instance() -> Result<()> {
    let stage =
        with_document(&[1, 2], |document| document["record"]["routing"] = json!("multivalue")).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    let line =
        |number| format!("{} A {} multivalue ttl=20 {}", name("video"), mark("video", number), ip(number));
    assert_eq!(stage.records()?, [line(1), line(2)]);
    stage.world().terminate(&id(1));
    stage.send_all([&stage.state_event(&id(1))?])?;
    environment.deliver().await?;
    assert_eq!(stage.records()?, [line(2)]);
    fixpoint(&stage).await
}

#[tokio::test]
async fn other_addresses_than_carrier_ips_are_published_where_the_document_says_so() -> Result<()> {
    let stage = with_document(&[], |document| document["members"]["address"] = json!("public-ip")).await?;
    let public = std::net::Ipv4Addr::new(198, 51, 100, 7);
    put_all(&mut stage.world(), [machine("video", 1).with_public_ip(public), machine("video", 2)]);
    let environment = stage.environment().await?;
    environment.sweep().await?;
    let expected = weighted_lines("video", [1])[0].replace(&ip(1).to_string(), "198.51.100.7");
    assert_eq!(stage.records()?, [expected]);
    Ok(())
}

#[tokio::test]
async fn a_hosted_zone_of_another_account_is_reached_by_its_role_alone() -> Result<()> {
    const ROLE: &str = "arn:aws:iam::210987654321:role/registrar-dns";
    const OTHER: &str = "Z9999999999999999999";
    let stage = Stage::with(|world| {
        world.put_hosted_zone_of_role(ROLE, OTHER, "games.example.net", vec![])?;
        let mut games = document("games");
        games["record"] = json!({"hosted_zone_id": OTHER, "name": "bos.games.example.net", "role_arn": ROLE});
        put_document(world, "games", &games);
        put_document(world, "video", &document("video"));
        put_all(world, [machine("games", 1), machine("games", 2), machine("video", 3)]);
        Ok(())
    })
    .await?;
    let environment = stage.environment().await?;
    let served = environment.sweep().await?;
    let expected: Vec<String> = weighted_lines("games", [1, 2])
        .iter()
        .map(|line| line.replace("games.bos.edge.example.com", "bos.games.example.net"))
        .collect();
    assert_eq!(stage.records_of(OTHER)?, expected);
    assert_eq!(stage.records()?, weighted_lines("video", [3]));
    assert_eq!(served.calls_of("sts:AssumeRole"), 1);
    assert_eq!(environment.sweep().await?.calls_of("sts:AssumeRole"), 0, "its credentials are kept");
    Ok(())
}

#[tokio::test]
async fn several_pools_share_a_hosted_zone_and_one_listing() -> Result<()> {
    let pools = ["audio", "games", "sensors", "video"];
    let stage = Stage::with(|world| {
        for (place, pool) in (0_u16..).zip(pools) {
            put_document(world, pool, &document(pool));
            put_all(world, (1..=3).map(|number| machine(pool, place * 10 + number)));
        }
        Ok(())
    })
    .await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    let lines = |place: u16, pool: &str| weighted_lines(pool, place * 10 + 1..=place * 10 + 3);
    let expected: Vec<String> = (0_u16..).zip(pools).flat_map(|(place, pool)| lines(place, pool)).collect();
    assert_eq!(stage.records()?, expected);
    let warm = environment.sweep().await?;
    assert_eq!(warm.calls_of("ec2:DescribeInstances"), 1);
    assert!(warm.calls_of("route53:ListResourceRecordSets") <= 2, "{:?}", warm.calls);
    Ok(())
}

#[tokio::test]
async fn a_pool_whose_name_changes_keeps_its_old_records_and_is_held() -> Result<()> {
    let stage = with_document(&[1, 2], |_| {}).await?;
    stage.environment().await?.sweep().await?;
    let mut renamed = document("video");
    renamed["record"]["name"] = json!("film.bos.edge.example.com");
    put_document(&mut stage.world(), "video", &renamed);
    put_all(&mut stage.world(), [machine("video", 3)]);
    let mut environment = stage.environment().await?;
    environment.expects_error("the pool still has records at");
    let served = environment.sweep().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    assert!(served.held("video", "name-changed") > 0, "{}", served.event);
    stage.world().terminate(&id(1));
    stage.send_all([&stage.state_event(&id(1))?])?;
    environment.deliver().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [2]), "the proven dead still goes");
    Ok(())
}

#[tokio::test]
async fn a_fallback_serves_when_nobody_else_does() -> Result<()> {
    let stage = with_document(&[1], |document| {
        document["guard"] = json!({"when_empty": "fallback", "fallback": "192.0.2.80"});
    })
    .await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    let fallback = format!("{} A registrar/edge/video/fallback weight=0 ttl=20 192.0.2.80", name("video"));
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    assert_eq!(
        sorted(stage.records()?),
        sorted([weighted_lines("video", [1]), vec![fallback.clone()]].concat())
    );
    stage.world().terminate(&id(1));
    stage.send_all([&stage.state_event(&id(1))?])?;
    environment.deliver().await?;
    assert_eq!(stage.records()?, [fallback]);
    fixpoint(&stage).await
}

#[tokio::test]
async fn the_last_record_may_go_or_stay_as_the_document_says() -> Result<()> {
    for (policy, left) in [("remove", vec![]), ("keep-last", vec![1])] {
        let stage =
            with_document(&[1], |document| document["guard"] = json!({ "when_empty": policy })).await?;
        let environment = stage.environment().await?;
        environment.sweep().await?;
        stage.world().terminate(&id(1));
        stage.send_all([&stage.state_event(&id(1))?])?;
        assert_eq!(environment.deliver().await?.failed(), Vec::<usize>::new());
        assert_eq!(stage.records()?, weighted_lines("video", left), "{policy}");
    }
    Ok(())
}

#[tokio::test]
async fn records_of_others_at_the_same_name_are_left_alone() -> Result<()> {
    let stranger = json!({"Name": name("video"), "Type": "A", "TTL": 20, "Weight": 7,
        "SetIdentifier": "by-hand", "ResourceRecords": [{"Value": "192.0.2.9"}]});
    let stage = Stage::with(|world: &mut World| {
        put_document(world, "video", &document("video"));
        put_all(world, [machine("video", 1)]);
        publish(world, vec![record(&stranger)?])
    })
    .await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    stage.world().terminate(&id(1));
    environment.sweep().await?;
    put_all(&mut stage.world(), [machine("video", 2)]);
    environment.sweep().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [2]));
    let records = stage.world().records(ZONE)?;
    assert!(records.iter().map(line).any(|line| line.contains("by-hand weight=7 ttl=20 192.0.2.9")));
    Ok(())
}

#[tokio::test]
async fn a_paused_pool_stays_and_a_retired_one_is_emptied() -> Result<()> {
    let stage = with_document(&[1, 2], |_| {}).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    let announce = |state: &str| {
        let mut changed = document("video");
        changed["state"] = json!(state);
        put_document(&mut stage.world(), "video", &changed);
        let announced = stage.world().parameter_event("/registrar/edge/pools/video", "Update");
        stage.send_all([&announced])
    };
    announce("paused")?;
    put_all(&mut stage.world(), [machine("video", 3)]);
    environment.deliver().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    announce("retired")?;
    environment.deliver().await?;
    assert_eq!(stage.records()?, Vec::<String>::new());
    announce("active")?;
    environment.deliver().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2, 3]));
    Ok(())
}

#[tokio::test]
async fn a_pool_selects_by_group_and_weighs_by_tag() -> Result<()> {
    let stage = with_document(&[], |document| {
        document["members"] = json!({"auto_scaling_groups": ["edge"]});
        document["weight"] = json!({"default": 10, "tag": "share"});
    })
    .await?;
    {
        let mut world = stage.world();
        world.put_group(Group::new("edge"));
        put_all(
            &mut world,
            [
                machine("x", 1).in_group("edge").with_tag("share", "77"),
                machine("x", 2).in_group("edge"),
                machine("x", 3).in_group("other"),
                machine("x", 4),
            ],
        );
    }
    let environment = stage.environment().await?;
    environment.sweep().await?;
    let lines = weighted_lines("video", [1, 2]);
    let expected = [lines[0].replace("=100", "=77"), lines[1].replace("=100", "=10")];
    assert_eq!(stage.records()?, expected);
    Ok(())
}

#[tokio::test]
async fn a_document_that_goes_leaves_its_records_to_be_retired() -> Result<()> {
    let stage = with_document(&[1, 2], |_| {}).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    stage.world().delete_parameter("/registrar/edge/pools/video");
    let announced = stage.world().parameter_event("/registrar/edge/pools/video", "Delete");
    stage.send_all([&announced])?;
    assert_eq!(environment.deliver().await?.failed(), Vec::<usize>::new());
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]), "a lost document is no order to remove");
    Ok(())
}

#[tokio::test]
async fn a_set_of_a_hundred_is_full_and_the_rest_is_held_back() -> Result<()> {
    let stage = Stage::with_video(1..=105).await?;
    let mut multivalue = document("video");
    multivalue["record"]["routing"] = json!("multivalue");
    put_document(&mut stage.world(), "video", &multivalue);
    let environment = stage.environment().await?;
    let served = environment.sweep().await?;
    assert_eq!(stage.records()?.len(), 100);
    assert_eq!(served.held("video", "capacity"), 5);
    assert_eq!(served.level(), "WARN");
    fixpoint(&stage).await
}

#[tokio::test]
async fn more_weighted_records_than_one_set_holds_stand_in_a_tree() -> Result<()> {
    let stage = Stage::with_video(1..=105).await?;
    let served = stage.environment().await?.sweep().await?;
    assert_eq!((served.calls_of(CHANGE), stage.records()?.len()), (1, 107));
    assert_eq!(served.held("video", "capacity"), 0);
    fixpoint(&stage).await
}

#[tokio::test]
async fn a_ttl_that_changes_is_changed_for_the_whole_set_in_one_batch() -> Result<()> {
    let stage = with_document(&[1, 2, 3], |_| {}).await?;
    stage.environment().await?.sweep().await?;
    let mut changed = document("video");
    changed["record"]["ttl_secs"] = json!(10);
    put_document(&mut stage.world(), "video", &changed);
    let served = stage.environment().await?.sweep().await?;
    assert_eq!(served.calls_of(CHANGE), 1);
    let expected: Vec<String> =
        weighted_lines("video", [1, 2, 3]).iter().map(|line| line.replace("ttl=20", "ttl=10")).collect();
    assert_eq!(stage.records()?, expected);
    fixpoint(&stage).await
}
