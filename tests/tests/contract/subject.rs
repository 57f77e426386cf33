//! Who is held to the contract, and hosted zones of their own for each rule.

use std::env;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use aws_stand_in::{Clock, ManualClock, Ministack, Route53Settings, StandIn, World};
use registrar_core::{SignedDuration, Timestamp};
use tokio::runtime::Runtime;

use crate::http::{Answer, route53};

/// The name of every hosted zone here.
pub(crate) const ORIGIN: &str = "edge.example.com";

/// `Ok` where a rule holds, or what was seen instead.
pub(crate) type Verdict = Result<(), String>;

/// Who is held to the contract.
pub(crate) enum Subject {
    /// The strict model, behind the stand-in.
    Model,
    /// The emulator, of which one serves all tests.
    Ministack(&'static Ministack),
}

static MINISTACK: OnceLock<Ministack> = OnceLock::new();

impl Subject {
    #[expect(clippy::disallowed_methods, reason = "the environment chooses what is tested")]
    pub(crate) fn chosen() -> Self {
        match env::var("REGISTRAR_CONTRACT").as_deref() {
            Err(_) | Ok("" | "model") => Self::Model,
            Ok("ministack") => Self::Ministack(MINISTACK.get_or_init(|| {
                let python = env::var_os("REGISTRAR_PYTHON").map(PathBuf::from);
                let python =
                    python.unwrap_or_else(|| panic!("REGISTRAR_PYTHON names no Python with ministack"));
                let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
                Ministack::start(&python, &dir).unwrap_or_else(|error| panic!("{error}"))
            })),
            Ok(other) => panic!("REGISTRAR_CONTRACT is {other:?}, neither model nor ministack"),
        }
    }

    /// Opens a hosted zone with nothing in it, without throttling.
    pub(crate) fn zone(&self) -> Zone {
        self.zone_with(Route53Settings { throttling: false, ..Route53Settings::default() })
    }

    /// Opens a hosted zone for which the model, and only the model, has these settings.
    pub(crate) fn zone_with(&self, settings: Route53Settings) -> Zone {
        match self {
            Self::Model => Zone::of_the_model(settings),
            Self::Ministack(ministack) => Zone::of_ministack(ministack),
        }
    }
}

/// A hosted zone.
pub(crate) struct Zone {
    address: String,
    pub(crate) id: String,
    kind: Kind,
}

enum Kind {
    Model { clock: ManualClock, _stand_in: StandIn, _runtime: Runtime },
    Ministack,
}

impl Zone {
    fn of_the_model(settings: Route53Settings) -> Self {
        let clock = ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap());
        let mut world = World::new(Clock::Manual(clock.clone()), settings);
        let id = "Z0123456789ABCDEFGHIJ".to_owned();
        world.put_hosted_zone(&id, ORIGIN, vec![]).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let stand_in = runtime.block_on(StandIn::start(world)).unwrap();
        let address = stand_in.endpoint().strip_prefix("http://").unwrap().to_owned();
        Self { address, id, kind: Kind::Model { clock, _stand_in: stand_in, _runtime: runtime } }
    }

    fn of_ministack(ministack: &Ministack) -> Self {
        static OPENED: AtomicU32 = AtomicU32::new(0);
        let address = ministack.endpoint().strip_prefix("http://").unwrap().to_owned();
        let body = format!(
            "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>{ORIGIN}</Name>\
             <CallerReference>{}</CallerReference></CreateHostedZoneRequest>",
            OPENED.fetch_add(1, Ordering::Relaxed)
        );
        let created = route53(&address, "POST", "hostedzone", &body);
        let id = created.element("Id").unwrap().trim_start_matches("/hostedzone/").to_owned();
        Self { address, id, kind: Kind::Ministack }
    }

    /// Lets time pass: on the model's clock, or really, and then no longer than a second.
    pub(crate) fn wait(&self, time: SignedDuration) {
        match &self.kind {
            Kind::Model { clock, .. } => clock.advance(time),
            Kind::Ministack => thread::sleep(Duration::try_from(time).unwrap().min(Duration::from_secs(1))),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        route53(&self.address, "GET", path, "")
    }

    /// Lists with a query such as `name=a&maxitems=1`.
    pub(crate) fn list(&self, query: &str) -> Answer {
        self.get(&format!("hostedzone/{}/rrset?{query}", self.id))
    }

    /// Submits a batch of changes in XML.
    pub(crate) fn submit(&self, changes: &[String]) -> Answer {
        let body = format!(
            "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>\
             <Changes>{}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>",
            changes.concat()
        );
        route53(&self.address, "POST", &format!("hostedzone/{}/rrset/", self.id), &body)
    }

    /// Submits a batch that has to be accepted.
    pub(crate) fn accepts(&self, changes: &[String]) -> Verdict {
        let answer = self.submit(changes);
        if answer.status == 200 { Ok(()) } else { Err(format!("refused: {}", told(&answer))) }
    }

    /// Submits a batch that has to be refused with this code, and to leave everything as it was.
    pub(crate) fn refuses(&self, changes: &[String], code: &str) -> Verdict {
        let before = self.everything();
        let answer = self.submit(changes);
        let unchanged = self.everything() == before;
        refused(&answer, code)?;
        if unchanged { Ok(()) } else { Err("refused, but applied in part".to_owned()) }
    }

    /// Lists every record set on one page, as XML.
    pub(crate) fn everything(&self) -> Vec<String> {
        let answer = self.list("");
        answer.elements("ResourceRecordSet").map(str::to_owned).collect()
    }

    /// Returns the set identifiers of every record set that has one, in listing order.
    pub(crate) fn identifiers(&self) -> Vec<String> {
        self.list("").elements("SetIdentifier").map(str::to_owned).collect()
    }
}

/// Says whether an answer refuses with this code, which stands for the status that Route 53 documents with it.
pub(crate) fn refused(answer: &Answer, code: &str) -> Verdict {
    let status = match code {
        "NoSuchHostedZone" | "NoSuchChange" => 404,
        _ => 400,
    };
    match (answer.status, answer.element("Code")) {
        (200, _) => Err("accepted".to_owned()),
        (found, Some(found_code)) if found == status && found_code == code => Ok(()),
        _ => Err(format!("refused otherwise: {}", told(answer))),
    }
}

/// Compares what was seen with what has to be.
pub(crate) fn seen<T: PartialEq + std::fmt::Debug>(found: T, expected: T) -> Verdict {
    if found == expected { Ok(()) } else { Err(format!("seen: {found:?}")) }
}

fn told(answer: &Answer) -> String {
    match answer.element("Code") {
        Some(code) => format!("{} {code}", answer.status),
        None => format!("{} without a code", answer.status),
    }
}
