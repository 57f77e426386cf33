//! Whether addresses are alive, against small peers on loopback, and against real ones.

mod command;
mod hostile;
mod loopback;
mod peers;
mod quinn;
mod real;
