//! A client that writes HTTP by hand, so that what comes back is seen as it is on the wire.

use std::collections::BTreeMap;
use std::io;

use aws_stand_in::StandIn;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer, complete as its length promised.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    /// Returns the text of the first element of that name.
    pub(crate) fn element(&self, name: &str) -> Option<&str> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let start = self.body.find(&open)? + open.len();
        Some(&self.body[start..start + self.body[start..].find(&close)?])
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        self.body.matches(&format!("<{name}>")).count()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Returns the status and the error code, however the protocol writes it.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let code = match self.element("Code") {
            Some(code) => code.to_owned(),
            None => self.json()["__type"].as_str().unwrap().to_owned(),
        };
        (self.status, code)
    }
}

/// A client of a stand-in, signed for a Region with an access key.
pub(crate) struct Client {
    pub(crate) address: String,
    pub(crate) region: &'static str,
    pub(crate) access_key_id: String,
    pub(crate) session_token: Option<String>,
}

impl Client {
    pub(crate) fn of(stand_in: &StandIn) -> Self {
        let endpoint = stand_in.endpoint();
        Self {
            address: endpoint.strip_prefix("http://").unwrap().to_owned(),
            region: "us-east-1",
            access_key_id: "AKIA0000000000000001".to_owned(),
            session_token: None,
        }
    }

    pub(crate) async fn ec2(&self, form: &str) -> Answer {
        self.form("ec2", "2016-11-15", form).await.unwrap()
    }

    pub(crate) async fn autoscaling(&self, form: &str) -> Answer {
        self.form("autoscaling", "2011-01-01", form).await.unwrap()
    }

    pub(crate) async fn sts(&self, form: &str) -> Answer {
        self.form("sts", "2011-06-15", form).await.unwrap()
    }

    pub(crate) async fn form(&self, service: &str, version: &str, form: &str) -> io::Result<Answer> {
        let body = format!("Version={version}&Action={form}");
        self.signed("POST", "/", service, &[("content-type", "application/x-www-form-urlencoded")], &body)
            .await
    }

    pub(crate) async fn ssm(&self, operation: &str, input: Value) -> Answer {
        self.json("ssm", &format!("AmazonSSM.{operation}"), &input.to_string()).await
    }

    pub(crate) async fn sqs(&self, operation: &str, input: Value) -> Answer {
        self.json("sqs", &format!("AmazonSQS.{operation}"), &input.to_string()).await
    }

    pub(crate) async fn json(&self, service: &str, target: &str, body: &str) -> Answer {
        self.signed("POST", "/", service, &[("x-amz-target", target)], body).await.unwrap()
    }

    pub(crate) async fn route53(&self, method: &str, path: &str, body: &str) -> Answer {
        let path = format!("/2013-04-01/{path}");
        self.signed(method, &path, "route53", &[], body).await.unwrap()
    }

    async fn signed(
        &self,
        method: &str,
        path: &str,
        service: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Answer> {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/20261121/{}/{service}/aws4_request, SignedHeaders=host, Signature=00",
            self.access_key_id, self.region
        );
        let mut headers = headers.to_vec();
        headers.push(("authorization", &authorization));
        if let Some(token) = &self.session_token {
            headers.push(("x-amz-security-token", token));
        }
        send(&self.address, method, path, &headers, body).await
    }
}

/// Sends one request on a connection of its own.
///
/// Fails where the connection ends before the answer does.
pub(crate) async fn send(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).await?;
    let mut raw = String::new();
    stream.read_to_string(&mut raw).await?;
    read(&raw).ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, raw))
}

fn read(raw: &str) -> Option<Answer> {
    let (head, body) = raw.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let header = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_lowercase(), value.to_owned()))
    };
    let headers: BTreeMap<String, String> = lines.filter_map(header).collect();
    let length: usize = headers.get("content-length")?.parse().ok()?;
    (body.len() == length).then(|| Answer { status, headers, body: body.to_owned() })
}
