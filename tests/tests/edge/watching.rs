//! A running `resolver-probe`: what it tells, line by line, until it ends.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::commands::{Ran, json_lines};
use crate::fleet::name;
use crate::place::Place;
use crate::service::{Service, Text, keep, signal_process, text_of};
use crate::waiting::{PATIENCE, eventually};

/// A process that is killed when a test forgets it.
pub(crate) struct Watching {
    child: Child,
    stdout: Text,
    stderr: Text,
    readers: Vec<JoinHandle<()>>,
}

impl Place {
    /// Starts a command of the probe about `video`, beside this service.
    pub(crate) fn probing(&self, service: &Service, command: &str, more: &[&str]) -> Result<Watching> {
        let servers: Vec<String> = service.servers.iter().map(ToString::to_string).collect();
        let (name, servers) = (name("video"), servers.join(","));
        let mut arguments = vec![command, name.as_str(), "--server", servers.as_str()];
        arguments.extend(more);
        Watching::start(self.command("resolver-probe", &arguments)?)
    }
}

impl Watching {
    fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (stdout, stderr) = (Text::default(), Text::default());
        let readers = vec![
            keep(child.stdout.take().context("its standard output")?, &stdout),
            keep(child.stderr.take().context("its standard error")?, &stderr),
        ];
        Ok(Self { child, stdout, stderr, readers })
    }

    /// Returns every event that it told so far.
    pub(crate) fn told(&self) -> Result<Vec<Value>> {
        let text = text_of(&self.stdout);
        json_lines(text.split_inclusive('\n').filter(|line| line.ends_with('\n')))
    }

    /// Waits until it tells such an event, and returns it.
    pub(crate) fn tells(&self, event: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        eventually(&format!("{event} is told"), || {
            let told = self.told().map_err(|error| format!("{error:#}"))?;
            let found = told.iter().find(|line| line["event"] == event && wanted(line)).cloned();
            found.ok_or_else(|| format!("{}\n{}", text_of(&self.stdout), text_of(&self.stderr)))
        })
    }

    /// Waits until it opens or closes such a finding, and returns the event.
    pub(crate) fn tells_of(&self, event: &str, id: &str) -> Result<Value> {
        self.tells(event, |line| line["finding"]["id"] == id)
    }

    /// Waits until it says this on standard error, and returns what follows in that line.
    pub(crate) fn complains(&self, start: &str) -> Result<String> {
        eventually(&format!("{start:?} is said"), || {
            let text = text_of(&self.stderr);
            let line = text.lines().find_map(|line| line.strip_prefix(start));
            line.map(str::to_owned).ok_or(text)
        })
    }

    /// Sends a signal to this process, and to no other.
    pub(crate) fn signal(&self, signal: &str) -> Result<()> {
        signal_process(self.child.id(), signal)
    }

    /// Waits for its end, and returns what it left behind.
    pub(crate) fn ended(mut self) -> Result<Ran> {
        let (stdout, stderr) = (Arc::clone(&self.stdout), Arc::clone(&self.stderr));
        let status = eventually("it ends", || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err(format!("it still runs\n{}\n{}", text_of(&stdout), text_of(&stderr))),
            Err(error) => Err(error.to_string()),
        })?;
        for reader in self.readers.drain(..) {
            ensure!(reader.join().is_ok(), "a reader failed");
        }
        Ran { code: status.code(), stdout: text_of(&stdout), stderr: text_of(&stderr) }.plain()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // A process that is gone already needs no killing.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Asks an HTTP server for a path, and returns the whole answer.
pub(crate) fn get(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}
