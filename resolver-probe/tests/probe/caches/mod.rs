//! Resolvers that keep answers for too long, and those that only seem to: scripted ones, and Unbound and dnsmasq.

mod authority;
mod real;
