//! The emulator ministack as a process on a free loopback port, beside which the same tests can be run.
//!
//! It is a Python package that somebody else has installed. It is no referee: what it gets wrong is listed
//! where it is tested.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// The release that the lists of differences were made with.
pub const MINISTACK_VERSION: &str = "1.5.33";

/// How often, and how many times, a process that starts is looked at: for 30 seconds in all.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const MOST_LOOKS: u32 = 600;

/// Runs ministack until standard input ends, so that it outlives nobody, and in no other release. The functions that it
/// runs are processes of its group, and end with it.
const PROGRAM: &str = "\
import importlib.metadata, os, runpy, signal, sys, threading
if importlib.metadata.version('ministack') != sys.argv[1]: sys.exit(3)
os.setsid()
note = os.path.join(os.environ['TMPDIR'], 'ministack-' + os.environ['GATEWAY_PORT'] + '.pid')
def end_with_input():
    sys.stdin.read()
    if os.path.exists(note): os.remove(note)
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=end_with_input, daemon=True).start()
sys.argv = ['ministack']
runpy.run_module('ministack', run_name='__main__')
";

/// A ministack that serves. It ends when this is dropped, or the process that holds it ends.
#[derive(Debug)]
pub struct Ministack {
    child: Child,
    address: SocketAddr,
}

impl Ministack {
    /// Starts a ministack with a Python that has it installed, and waits until it serves. What it writes stays
    /// in `dir`. The functions that it runs call it, and not AWS.
    ///
    /// # Errors
    /// When Python cannot be run, has no ministack of the right release, or it does not serve within 30 seconds.
    pub fn start(python: &Path, dir: &Path) -> io::Result<Self> {
        // The port is free when it is chosen; ministack cannot be given a socket.
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let child = Command::new(python)
            .args(["-c", PROGRAM, MINISTACK_VERSION])
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", address.port().to_string())
            .env("MINISTACK_HOST", "127.0.0.1")
            .env("AWS_ENDPOINT_URL", format!("http://{address}"))
            .env_remove("AWS_PROFILE")
            .env("TMPDIR", dir)
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| {
                io::Error::new(error.kind(), format!("cannot run {}: {error}", python.display()))
            })?;
        let mut ministack = Self { child, address };
        ministack.wait_until_it_serves(python)?;
        Ok(ministack)
    }

    /// Returns what to give an SDK as `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    fn wait_until_it_serves(&mut self, python: &Path) -> io::Result<()> {
        for _ in 0..MOST_LOOKS {
            if let Some(status) = self.child.try_wait()? {
                let problem = format!(
                    "ministack ended with {status} before it served (hint: {} -m pip install \
                     ministack=={MINISTACK_VERSION})",
                    python.display()
                );
                return Err(io::Error::other(problem));
            }
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            thread::sleep(LOOK_EVERY);
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, format!("ministack does not serve on {}", self.address)))
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        // It ends its functions and itself when its input does; killed at once, it would leave them behind.
        drop(self.child.stdin.take());
        for _ in 0..MOST_LOOKS {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(LOOK_EVERY),
                Ok(Some(_)) | Err(_) => break,
            }
        }
        // It may have ended by itself; either way nobody is left to be told.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
