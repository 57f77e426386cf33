//! A folder with the files of one edge, and the commands run inside it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::commands::{Ran, built};
use crate::fleet::{self, Machine, document};
use crate::service::Service;

/// Options of `serve` that are added where a test does not give them, each with its value.
const USUAL: [(&str, &str); 4] =
    [("--pool", "video.json"), ("--fleet", "fleet.json"), ("--dns", "127.0.0.1:0"), ("--sweep", "200ms")];

/// A folder of files, removed at the end.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    /// Makes a folder with the document of the pool `video` and a fleet.
    pub(crate) fn with_fleet(machines: &[Machine]) -> Result<Self> {
        let place = Self { folder: tempfile::tempdir()? };
        place.write_json("video.json", &document("video"))?;
        place.show_fleet(machines)?;
        Ok(place)
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Writes a file as a whole: nobody sees half of it.
    pub(crate) fn write(&self, file: &str, text: &str) -> Result<()> {
        let fresh = self.path(&format!("{file}.fresh"));
        std::fs::write(&fresh, text)?;
        Ok(std::fs::rename(fresh, self.path(file))?)
    }

    pub(crate) fn write_json(&self, file: &str, value: &Value) -> Result<()> {
        self.write(file, &format!("{value:#}"))
    }

    pub(crate) fn remove(&self, file: &str) -> Result<()> {
        Ok(std::fs::remove_file(self.path(file))?)
    }

    pub(crate) fn read(&self, file: &str) -> Result<String> {
        std::fs::read_to_string(self.path(file)).with_context(|| format!("failed to read {file}"))
    }

    pub(crate) fn read_json(&self, file: &str) -> Result<Value> {
        serde_json::from_str(&self.read(file)?).with_context(|| format!("{file} is not JSON"))
    }

    /// Lets EC2 show these instances.
    pub(crate) fn show_fleet(&self, machines: &[Machine]) -> Result<()> {
        self.write_json("fleet.json", &fleet::described(machines))
    }

    /// Writes a zone file with these record sets.
    pub(crate) fn hold_records(&self, records: &[Value]) -> Result<()> {
        self.write_json("zone.json", &json!({ "ResourceRecordSets": records }))
    }

    /// Returns the record sets of the zone file.
    pub(crate) fn records(&self) -> Result<Vec<Value>> {
        let zone = self.read_json("zone.json")?;
        zone["ResourceRecordSets"].as_array().cloned().context("the zone file has no ResourceRecordSets")
    }

    /// Writes the faults file.
    pub(crate) fn arm(&self, faults: &Value) -> Result<()> {
        self.write_json("faults.json", faults)
    }

    /// Prepares one of the commands, with this folder as its own.
    pub(crate) fn command(&self, name: &str, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(built(name)?);
        command.args(arguments).current_dir(self.folder.path());
        for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(variable);
        }
        Ok(command)
    }

    /// Runs one of the commands to its end, without any input.
    pub(crate) fn run(&self, name: &str, arguments: &[&str]) -> Result<Ran> {
        Ran::of(self.command(name, arguments)?.stdin(Stdio::null()).output()?)
    }

    /// Runs `registrar plan` on the files.
    pub(crate) fn plan(&self, more: &[&str]) -> Result<Ran> {
        let usual = ["plan", "--pool", "video.json", "--fleet", "fleet.json", "--zone", "zone.json"];
        self.run("registrar", &[&usual, more].concat())
    }

    /// Completes the arguments of `serve` with the usual ones.
    pub(crate) fn serve_arguments<'a>(&self, more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec!["serve"];
        arguments.extend(more);
        for (option, value) in USUAL.iter().filter(|(option, _)| !more.contains(option)) {
            arguments.extend([option, value]);
        }
        arguments
    }

    /// Starts `registrar-local serve --json` and waits until it listens.
    pub(crate) fn serve(&self, more: &[&str]) -> Result<Service> {
        let mut arguments = self.serve_arguments(more);
        arguments.push("--json");
        Service::start(self.command("registrar-local", &arguments)?)
    }

    /// Runs `registrar-local serve` where it should not even start.
    pub(crate) fn refused(&self, more: &[&str]) -> Result<Ran> {
        let mut arguments = self.serve_arguments(more);
        // Where it starts all the same, the test shall not wait for it.
        arguments.push("--exit-on-eof");
        self.run("registrar-local", &arguments)?.plain()?.silent()
    }
}
