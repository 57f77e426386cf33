//! A running `registrar-local serve`: what it tells, answers and takes in, until it is stopped.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::commands::{Ran, json_lines};
use crate::dns::{self, Over};
use crate::fleet::{ip, name};
use crate::waiting::eventually;

pub(crate) type Text = Arc<Mutex<String>>;

/// A process that is killed when a test forgets it.
pub(crate) struct Service {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Text,
    stderr: Text,
    readers: Vec<JoinHandle<()>>,
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) resolvers: Vec<SocketAddr>,
}

impl Service {
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let (stdout, stderr) = (Text::default(), Text::default());
        let readers = vec![
            keep(child.stdout.take().context("its standard output")?, &stdout),
            keep(child.stderr.take().context("its standard error")?, &stderr),
        ];
        let stdin = child.stdin.take();
        let mut service =
            Self { child, stdin, stdout, stderr, readers, servers: Vec::new(), resolvers: Vec::new() };
        let listening = service.tells("listening", |_| true)?;
        service.servers = addresses(&listening["addresses"])?;
        service.resolvers = addresses(&listening["resolvers"])?;
        Ok(service)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns everything that it told so far: complete lines alone.
    pub(crate) fn told(&self) -> Result<Vec<Value>> {
        let text = text_of(&self.stdout);
        json_lines(text.split_inclusive('\n').filter(|line| line.ends_with('\n')))
    }

    fn happened(&self, event: &str) -> Result<Vec<Value>> {
        Ok(self.told()?.into_iter().filter(|line| line["event"] == event).collect())
    }

    /// Waits until it tells such an event, and returns it.
    pub(crate) fn tells(&self, event: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        eventually(&format!("{event} is told"), || {
            let told = self.told().map_err(|error| format!("{error:#}"))?;
            let found = told.iter().find(|line| line["event"] == event && wanted(line)).cloned();
            found.ok_or_else(|| format!("{}\n{}", text_of(&self.stdout), text_of(&self.stderr)))
        })
    }

    /// Waits until something lasting is told whose line says all of this.
    pub(crate) fn tells_of(&self, event: &str, parts: &[&str]) -> Result<Value> {
        self.tells(event, |line| {
            let line = line.to_string();
            parts.iter().all(|part| line.contains(part))
        })
    }

    /// Returns the changes that it told so far, as `+ 155.146.10.1` and `- 155.146.10.1`.
    pub(crate) fn changes(&self) -> Result<Vec<String>> {
        let sign = |line: &Value| if line["action"] == "CREATE" { "+" } else { "-" };
        let value = |line: &Value| line["values"][0].as_str().unwrap_or("?").to_owned();
        Ok(self.happened("applied")?.iter().map(|line| format!("{} {}", sign(line), value(line))).collect())
    }

    /// Waits until it has told exactly these changes after the first so many: answers change before the line is written.
    pub(crate) fn changes_become(&self, skipped: usize, wanted: &[&str]) -> Result<()> {
        eventually(&format!("{wanted:?} is told after {skipped} changes"), || {
            let told = self.changes().map_err(|error| format!("{error:#}"))?;
            if told.get(skipped..).is_some_and(|told| told == wanted) {
                Ok(())
            } else {
                Err(format!("{told:?}"))
            }
        })
    }

    /// Waits until a server answers with exactly these instances of `video`.
    pub(crate) fn answers_become(&self, numbers: &[u8]) -> Result<()> {
        self.pool_answers_become("video", numbers)
    }

    pub(crate) fn pool_answers_become(&self, pool: &str, numbers: &[u8]) -> Result<()> {
        let wanted: BTreeSet<Ipv4Addr> = numbers.iter().map(|number| ip(*number)).collect();
        eventually(&format!("{pool} is answered with {wanted:?}"), || {
            let answered = self.answered(pool, Over::Udp).map_err(|error| format!("{error:#}"))?;
            let told = || format!("{answered:?}\n{}\n{}", text_of(&self.stdout), text_of(&self.stderr));
            if answered == wanted { Ok(()) } else { Err(told()) }
        })
    }

    /// Checks what is answered now.
    pub(crate) fn answers(&self, numbers: &[u8]) -> Result<()> {
        let wanted: BTreeSet<Ipv4Addr> = numbers.iter().map(|number| ip(*number)).collect();
        let answered = self.answered("video", Over::Udp)?;
        ensure!(answered == wanted, "{answered:?} is answered and not {wanted:?}");
        Ok(())
    }

    /// Returns the addresses that the first server answers for a pool's name.
    pub(crate) fn answered(&self, pool: &str, over: Over) -> Result<BTreeSet<Ipv4Addr>> {
        dns::addresses(self.server()?, &name(pool), over)
    }

    /// Returns the first server.
    pub(crate) fn server(&self) -> Result<SocketAddr> {
        self.servers.first().copied().context("a server")
    }

    /// Gives it a line on standard input.
    pub(crate) fn hear(&mut self, line: &str) -> Result<()> {
        self.hear_bytes(format!("{line}\n").as_bytes())
    }

    pub(crate) fn hear_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let stdin = self.stdin.as_mut().context("standard input was closed")?;
        stdin.write_all(bytes)?;
        Ok(stdin.flush()?)
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Sends a signal to this process, and to no other.
    pub(crate) fn signal(&self, signal: &str) -> Result<()> {
        signal_process(self.pid(), signal)
    }

    /// Says whether it still runs.
    pub(crate) fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
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
        let ran = Ran { code: status.code(), stdout: text_of(&stdout), stderr: text_of(&stderr) };
        ran.json_lines()?;
        ran.plain()
    }

    /// Stops it as a service manager does.
    pub(crate) fn stop(self) -> Result<Ran> {
        self.signal("TERM")?;
        self.ended()?.exited(0)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // A process that is gone already needs no killing.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Sends a signal: the standard library knows none but SIGKILL.
pub(crate) fn signal_process(pid: u32, signal: &str) -> Result<()> {
    let status = Command::new("sh").args(["-c", &format!("kill -{signal} {pid}")]).status()?;
    ensure!(status.success(), "SIG{signal} could not be sent to {pid}");
    Ok(())
}

/// Reads a list of addresses, which is left out where it is empty.
fn addresses(list: &Value) -> Result<Vec<SocketAddr>> {
    let list = list.as_array().into_iter().flatten();
    list.map(|address| Ok(address.as_str().context("an address")?.parse()?)).collect()
}

pub(crate) fn keep(stream: impl Read + Send + 'static, text: &Text) -> JoinHandle<()> {
    let text = Arc::clone(text);
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(stream.read_until(b'\n', &mut line), Ok(1..)) {
            text.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

pub(crate) fn text_of(text: &Text) -> String {
    text.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
