//! Templates that were broken in one place: the check that is meant to see it does, with words about it.

mod permissions;
mod prober;
mod settings;
mod structure;

use registrar_infra::checks::nested;
use registrar_infra::template::{self, Template};

use crate::{Check, read};

struct Break {
    template: &'static str,
    /// What stands there, once or more; its first place is broken.
    from: &'static str,
    to: &'static str,
    check: Check,
    /// What the check tells.
    told: &'static str,
}

const fn of_registrar(from: &'static str, to: &'static str, check: Check, told: &'static str) -> Break {
    Break { template: "registrar.yaml", from, to, check, told }
}

const fn of_dns_role(from: &'static str, to: &'static str, check: Check, told: &'static str) -> Break {
    Break { template: "dns-role.yaml", from, to, check, told }
}

const fn of_main(from: &'static str, to: &'static str, told: &'static str) -> Break {
    Break { template: "main.yaml", from, to, check: nested_stacks, told }
}

fn nested_stacks(template: &Template) -> Vec<String> {
    nested::stacks(template, &template::all().unwrap_or_default())
}

const fn of_fleet(from: &'static str, to: &'static str, check: Check, told: &'static str) -> Break {
    Break { template: "fleet.yaml", from, to, check, told }
}

fn assert_found(breaks: &[Break]) {
    for broken in breaks {
        let whole = read(broken.template);
        let told = || (broken.check)(&whole);
        assert!(told().is_empty(), "{} has problems before it is broken: {:?}", broken.template, told());
        let place = whole.text.find(broken.from).unwrap_or_else(|| panic!("{:?} is not there", broken.from));
        let mut text = whole.text.clone();
        text.replace_range(place..place + broken.from.len(), broken.to);
        let template = Template::parse(broken.template, &text).unwrap_or_else(|error| panic!("{error:?}"));
        let problems = (broken.check)(&template);
        let found = problems.iter().any(|problem| problem.contains(broken.told));
        assert!(found, "{:?} for {:?} was not found: {problems:?}", broken.to, broken.from);
    }
}
