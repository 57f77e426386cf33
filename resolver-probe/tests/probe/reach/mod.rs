//! Whether addresses are alive, against small peers on loopback, and against real ones.

mod checking;
mod command;
mod handshake;
mod hostile;
mod loopback;
mod peers;
mod quinn;
mod real;
