//! The probe against small servers on loopback, which answer rightly, wrongly or not at all.

#[cfg(test)]
mod caches;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod discovery;
#[cfg(test)]
mod encrypted;
#[cfg(test)]
mod reach;
#[cfg(test)]
mod real_authorities;
#[cfg(test)]
mod resolving;
#[cfg(test)]
mod responder;
#[cfg(test)]
mod sockets;
