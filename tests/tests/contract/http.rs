//! A request to Route 53 in as few words as it takes.

use std::io::{Read, Write};
use std::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    /// Returns the text of the first element of that name.
    pub(crate) fn element(&self, name: &str) -> Option<&str> {
        self.elements(name).next()
    }

    /// Returns the text of every element of that name.
    pub(crate) fn elements<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let starts: Vec<usize> = self.body.match_indices(&open).map(|(at, _)| at + open.len()).collect();
        starts.into_iter().filter_map(move |start| self.body[start..].split(&close).next())
    }
}

/// Sends a signed request to `/2013-04-01/PATH`.
pub(crate) fn route53(address: &str, method: &str, path: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "{method} /2013-04-01/{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: text/xml\r\n\
         content-length: {}\r\nauthorization: AWS4-HMAC-SHA256 \
         Credential=AKIA0000000000000001/20261121/us-east-1/route53/aws4_request, SignedHeaders=host, \
         Signature=00\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut raw = String::new();
    stream.read_to_string(&mut raw).unwrap();
    let (head, body) = raw.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, body: body.to_owned() }
}
