//! The scheduled probe: its report, its metrics and its findings, and that a check which was not made is none.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_stand_in::{Effect, Fault, InstanceState, Outcome};
use serde_json::json;
use tokio::net::UdpSocket;

use crate::function::{Function, command};
use crate::place::{Place, finding, id, ip, machine, publish, says, weighted};

const TIMEOUT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_pool_is_one_run_without_findings_and_a_report() -> Result<()> {
    let place = Place::serving(&[1, 2]).await?;
    let said = Function::start(&place, &[]).await?.invoke(TIMEOUT).await?;
    let report = said.report()?;
    assert_eq!((&report["schema"], &report["verdict"]), (&json!("resolver-probe/1"), &json!("ok")));
    let metrics = said.metrics();
    ensure!(metrics.len() == 1, "{metrics:?}");
    let (runs, critical, unknown) = (&metrics[0]["runs"], &metrics[0]["critical"], &metrics[0]["unknown"]);
    assert_eq!((runs, critical, unknown), (&json!(1), &json!(0), &json!(0)));
    assert_eq!((&metrics[0]["Deployment"], &metrics[0]["Pool"]), (&json!("edge"), &json!("video")));
    assert_eq!(metrics[0]["_aws"]["CloudWatchMetrics"][0]["Namespace"], "ResolverProbe");
    assert_eq!(place.world().calls().values().sum::<u64>(), 4);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_record_is_an_error_in_the_log_and_counted_as_critical() -> Result<()> {
    let place = Place::serving(&[1, 2]).await?;
    place.world().set_state(&id(2), InstanceState::Stopped);
    let said = Function::start(&place, &[]).await?.invoke(TIMEOUT).await?;
    assert_eq!(said.report()?["verdict"], "critical");
    let metrics = said.metrics();
    assert_eq!((&metrics[0]["critical"], &metrics[0]["stale"]), (&json!(1), &json!(1)));
    ensure!(said.findings().contains(&"ERROR stale-record".to_owned()), "{:?}", said.findings());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_aws_cannot_be_read_the_servers_are_asked_and_the_run_is_unknown() -> Result<()> {
    let place = Place::serving(&[1, 2]).await?;
    let operation = "ssm:GetParameters";
    let effect = Effect::Refuse {
        status: 400,
        code: "AccessDeniedException".to_owned(),
        message: "User is not authorized".to_owned(),
    };
    place.world().arm(Fault::on(operation.parse()?, effect).always());
    let said = Function::start(&place, &[]).await?.invoke(TIMEOUT).await?;
    let report = said.report()?;
    assert_eq!((&report["verdict"], &report["compared"]), (&json!("unknown"), &json!(false)));
    says(finding(&report, "truth-incomplete")?, "the pool document was not read")?;
    assert_eq!(report["addresses"][0]["address"], ip(1).to_string());
    let metrics = said.metrics();
    assert_eq!((&metrics[0]["runs"], &metrics[0]["unknown"]), (&json!(1), &json!(1)));
    ensure!(said.findings().contains(&"WARN truth-incomplete".to_owned()), "{:?}", said.findings());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn name_servers_that_are_dead_are_critical_inside_the_functions_time() -> Result<()> {
    let place = Place::serving(&[1]).await?;
    let nobody = UdpSocket::bind("127.0.0.1:0").await?;
    let server = nobody.local_addr()?.to_string();
    let function = Function::start(&place, &[("PROBE_SERVERS", server.as_str())]).await?;
    let said = function.invoke(Duration::from_secs(12)).await?;
    assert_eq!(said.report()?["verdict"], "critical");
    assert_eq!(said.metrics()[0]["runs"], 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_without_time_for_a_check_fails_and_counts_as_no_run() -> Result<()> {
    let place = Place::serving(&[1]).await?;
    let said = Function::start(&place, &[]).await?.invoke(Duration::from_secs(4)).await?;
    let Outcome::Failed(error) = &said.outcome else { anyhow::bail!("{:?}", said.outcome) };
    assert_eq!(error["errorType"], "ResolverProbe.NotChecked");
    let message = error["errorMessage"].as_str().context("a message")?;
    ensure!(message.contains("no check was made") && message.contains("hint: "), "{message}");
    ensure!(said.metrics().is_empty(), "{:?}", said.lines);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_used_end_the_function_before_its_first_check() -> Result<()> {
    let place = Place::serving(&[1]).await?;
    for (name, value, said) in [
        ("PROBE_POOL", "", "PROBE_POOL is not set"),
        ("PROBE_REACH", "stun", "PROBE_REACH=\"stun\""),
        ("AWS_LAMBDA_RUNTIME_API", "", "the operator's command is resolver-probe"),
    ] {
        let mut command = command(&place, "127.0.0.1:1", &[(name, value)])?;
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let complained = String::from_utf8(output.stderr)?;
        ensure!(output.status.code() == Some(1) && complained.contains(said), "{name}: {complained}");
    }
    Ok(())
}

/// The instance is asked at its private address, which here is the machine's own.
#[tokio::test(flavor = "multi_thread")]
async fn from_the_vpc_an_instance_that_does_not_answer_is_blackholed_and_one_that_does_is_not() -> Result<()>
{
    let place = Place::with(|world| {
        world.put_instance(machine(1).with_private_ip([127, 0, 0, 1].into()));
        publish(world, [weighted(1, 100)])
    })
    .await?;
    let service = UdpSocket::bind("127.0.0.1:0").await?;
    let reach = format!("udp:{},send=70696e67,expect=706f6e67", service.local_addr()?.port());
    let dead = Function::start(&place, &[("PROBE_REACH", reach.as_str())]).await?;
    let mute = dead.invoke(TIMEOUT).await?;
    says(finding(&mute.report()?, "blackholed-entry")?, &ip(1).to_string())?;
    assert_eq!(mute.metrics()[0]["blackholed"], 1);

    let pong = tokio::spawn(async move {
        let mut packet = [0; 64];
        loop {
            let Ok((_, from)) = service.recv_from(&mut packet).await else { return };
            drop(service.send_to(b"pong", from).await);
        }
    });
    let alive = Function::start(&place, &[("PROBE_REACH", reach.as_str())]).await?.invoke(TIMEOUT).await?;
    assert_eq!(alive.report()?["verdict"], "ok", "{:#?}", alive.lines);
    pong.abort();
    Ok(())
}
