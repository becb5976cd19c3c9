//! One generation from request to settlement: fault, slot, plan, play or page, ledger.

use std::io;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio::time::sleep;

use super::ask::Ask;
use super::ask::Protocol;
use super::clock;
use super::fault::Fault;
use super::fault::Kind;
use super::host::Host;
use super::host::Hosts;
use super::host::Slot;
use super::ledger::Account;
use super::ledger::Entry;
use super::ledger::Settlement;
use super::page::Page;
use super::page::head;
use super::play;
use super::play::Bill;
use super::play::Ending;
use super::play::Player;
use super::profile::HeadTime;
use super::profile::MODES;
use super::profile::Model;
use super::reply::Plan;
use super::reply::Reply;
use super::request::Request;
use super::skills;
use super::wire;
use crate::domain::Usd;
use crate::domain::random::Stream;

/// Answers a request for a generation; gives the connection back if it can be used again.
pub(super) async fn generate(
    mut stream: TcpStream,
    request: &Request,
    ask: Ask,
    hosts: &Hosts,
) -> io::Result<Option<TcpStream>> {
    let Some((host, position)) = hosts.find(&ask.model) else {
        unknown(&ask, hosts).send(&mut stream, request.keep_alive).await?;
        return Ok(request.keep_alive.then_some(stream));
    };
    let model = &host.profile.models[position];
    let mode = ask.mode.unwrap_or_else(|| MODES.into_iter().find(|m| *m == model.default_mode).unwrap_or("medium"));
    let number = host.number();
    let account = hosts.ledger.accept(entry(request, &ask, mode, reply_id(host.profile.seed, number)));
    let mut draws = Stream::new(host.profile.seed, &format!("request {number}"));
    let job = Job { request, fault: host.fault(&ask, number, &mut draws), ask, host, model, mode, number };
    Ok(job.run(stream, account, draws).await)
}

fn unknown(ask: &Ask, hosts: &Hosts) -> Page {
    let served: Vec<&str> = hosts.models().map(|model| model.id.as_str()).collect();
    let message = format!("the model `{}` is not served here; served: {}", ask.model, served.join(", "));
    Page::json(404, &wire::error(ask.protocol, 404, &message))
}

/// The id that a reply carries.
fn reply_id(seed: u64, number: u64) -> String {
    format!("sim{:012x}", Stream::new(seed ^ number, "id").bits() >> 16)
}

fn entry(request: &Request, ask: &Ask, mode: &str, reply_id: String) -> Entry {
    let id = ["x-llmark-id", "x-client-request-id", "x-request-id"].iter().find_map(|name| request.header(name));
    Entry {
        seq: 0,
        id: id.map_or(reply_id, str::to_owned),
        path: request.path.clone(),
        model: ask.model.clone(),
        mode: mode.to_owned(),
        accepted_ns: clock::now_ns(),
        status: 0,
        answered: false,
        input_tokens: 0,
        cached_tokens: 0,
        output_tokens: 0,
        reasoning_tokens: 0,
        cost: Usd::ZERO,
    }
}

/// All that one generation needs.
struct Job<'a> {
    request: &'a Request,
    ask: Ask,
    host: &'a Host,
    model: &'a Model,
    mode: &'static str,
    number: u64,
    fault: Option<Fault>,
}

impl Job<'_> {
    async fn run(self, mut stream: TcpStream, account: Account, draws: Stream) -> Option<TcpStream> {
        if let Some(page) = self.refusal() {
            return self.send(stream, &page, account).await;
        }
        if let Some(kind @ (Kind::HangBefore | Kind::ResetBefore | Kind::CloseBefore)) = self.kind() {
            play::halt(stream, kind).await;
            return None;
        }
        let slot = tokio::select! {
            slot = self.host.enter() => slot,
            () = play::gone(&mut stream) => return None,
        };
        match slot {
            None => self.send(stream, &self.status_page(429, "the queue is full"), account).await,
            Some(slot) => self.answer(stream, Bill { account, tariff: self.model.price }, draws, slot).await,
        }
    }

    fn kind(&self) -> Option<Kind> {
        self.fault.as_ref().map(|fault| fault.kind)
    }

    /// The page that is sent instead of a generation, if any.
    fn refusal(&self) -> Option<Page> {
        let protocol = self.ask.protocol;
        let prompt = self.ask.prompt_tokens();
        if self.model.context.is_some_and(|longest| prompt > longest) {
            let longest = self.model.context.unwrap_or_default();
            let message = format!("this model's maximum context length is {longest} tokens; the prompt has {prompt}");
            return Some(Page::json(400, &wire::error(protocol, 400, &message)));
        }
        Some(match self.kind()? {
            Kind::Status(status) => self.status_page(status, &format!("the simulator was told to answer {status}")),
            Kind::Quota => quota(protocol),
            Kind::Html => html(200),
            Kind::Html502 => html(502),
            Kind::Redirect => Page::json(307, &json!({})).with("location", "http://127.0.0.1:9/elsewhere"),
            Kind::ErrorBody => Page::json(200, &wire::error(protocol, 500, "the simulator failed inside a 200")),
            Kind::StatusBody => {
                Page::json(200, &json!({"status": "error", "messege": "the simulator failed inside a 200"}))
            }
            Kind::EmptyBody => Page { body: Vec::new(), ..Page::json(200, &Value::Null) },
            _ => return None,
        })
    }

    fn status_page(&self, status: u16, message: &str) -> Page {
        let mut body = wire::error(self.ask.protocol, status, message);
        let given = self.fault.as_ref().and_then(|fault| fault.retry_after.clone());
        let wait = given.or_else(|| matches!(status, 429 | 503).then(|| "1".to_owned()));
        if status == 429 {
            body["retry_after"] = json!(wait.as_deref().and_then(|text| text.parse::<f64>().ok()));
        }
        let page = Page::json(status, &body).with("x-request-id", self.id());
        match wait {
            Some(wait) => page.with("retry-after", wait),
            None => page,
        }
    }

    fn id(&self) -> String {
        reply_id(self.host.profile.seed, self.number)
    }

    async fn send(&self, mut stream: TcpStream, page: &Page, mut account: Account) -> Option<TcpStream> {
        account.settle(&Settlement { status: page.status, answered: true, ..Settlement::default() });
        page.send(&mut stream, self.request.keep_alive).await.ok()?;
        self.request.keep_alive.then_some(stream)
    }

    async fn answer(&self, stream: TcpStream, bill: Bill, mut draws: Stream, slot: Slot<'_>) -> Option<TcpStream> {
        let reply = self.plan(&mut draws, slot.active);
        let stream = if self.ask.stream && self.kind() != Some(Kind::NotStreamed) {
            self.perform(stream, reply, bill).await
        } else {
            self.deliver(stream, &reply, bill).await
        };
        drop(slot);
        stream
    }

    fn plan(&self, draws: &mut Stream, active: usize) -> Reply {
        let effort = self.model.effort(self.mode);
        let slip = self.slips(effort.map_or(0.0, |effort| effort.error), draws);
        let answer = skills::answer(&self.ask, slip, draws);
        let plan = Plan {
            ask: &self.ask,
            model: self.model,
            effort,
            fault: self.fault.as_ref(),
            cached: self.host.cached(&self.ask),
            stretch: self.host.stretch(active),
            id: self.id(),
            created: clock::unix_seconds(),
        };
        plan.reply(answer, draws)
    }

    /// Whether this answer goes wrong: mostly a matter of the prompt, so that what is hard at little effort is what
    /// goes wrong there again.
    fn slips(&self, probability: f64, draws: &mut Stream) -> bool {
        let name = format!("difficulty {} {}", self.model.id, self.ask.question());
        let own = Stream::new(self.host.profile.seed, &name).uniform();
        let consistent = draws.uniform() < self.model.consistency;
        (if consistent { own } else { draws.uniform() }) < probability
    }

    /// Sends a whole reply when all of it is generated.
    async fn deliver(&self, mut stream: TcpStream, reply: &Reply, mut bill: Bill) -> Option<TcpStream> {
        tokio::select! {
            () = sleep(reply.duration()) => {}
            () = play::gone(&mut stream) => {
                bill.settle(reply, 0, false);
                return None;
            }
        }
        let body = wire::of(self.ask.protocol, reply).whole(reply);
        let page = Page::json(200, &body).with(self.request_id(), reply.id.clone());
        bill.settle(reply, reply.billed.output, true);
        page.send(&mut stream, self.request.keep_alive).await.ok()?;
        self.request.keep_alive.then_some(stream)
    }

    /// Plays a streamed reply.
    async fn perform(&self, stream: TcpStream, reply: Reply, bill: Bill) -> Option<TcpStream> {
        let stamp = self.request.header("x-llmark-stamp").is_some_and(|value| value == "1");
        let head = self.stream_head(&reply.id);
        let wire = wire::of(self.ask.protocol, &reply);
        let player = Player::new(reply, wire, self.kind(), stamp, bill);
        let (stream, ending) = if self.host.profile.precise {
            precisely(stream, player, head).await.ok()?
        } else {
            let late = self.host.profile.head == HeadTime::Late;
            plainly(stream, player, head, late).await.ok()?
        };
        match ending {
            Ending::Whole => self.request.keep_alive.then_some(stream),
            Ending::Closed => None,
            Ending::Halted(kind) => {
                play::halt(stream, kind).await;
                None
            }
        }
    }

    fn request_id(&self) -> &'static str {
        if self.ask.protocol == Protocol::Messages { "request-id" } else { "x-request-id" }
    }

    fn stream_head(&self, id: &str) -> Vec<u8> {
        let headers = [(self.request_id(), id.to_owned()), ("cache-control", "no-cache".to_owned())];
        let mut bytes = head(200, "text/event-stream; charset=utf-8", &headers);
        bytes.extend_from_slice(match self.kind() {
            Some(Kind::UntilClose) => b"connection: close\r\n\r\n",
            _ => b"transfer-encoding: chunked\r\n\r\n",
        });
        bytes
    }
}

fn quota(protocol: Protocol) -> Page {
    let mut body = wire::error(protocol, 402, "you exceeded your current quota; check your plan and billing details");
    if protocol != Protocol::Messages {
        body["error"]["type"] = json!("insufficient_quota");
    }
    Page::json(429, &body)
}

fn html(status: u16) -> Page {
    let text = "<!DOCTYPE html><html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>";
    Page { status, content_type: "text/html", headers: Vec::new(), body: text.into() }
}

async fn plainly(
    mut stream: TcpStream,
    mut player: Player,
    head: Vec<u8>,
    late: bool,
) -> io::Result<(TcpStream, Ending)> {
    let start = Instant::now();
    if late {
        tokio::time::sleep_until(start + player.first()).await;
    }
    stream.write_all(&head).await?;
    let ending = player.play(&mut stream, start).await?;
    Ok((stream, ending))
}

/// Hands the connection to a thread that keeps times to some ten microseconds.
async fn precisely(mut stream: TcpStream, mut player: Player, head: Vec<u8>) -> io::Result<(TcpStream, Ending)> {
    let start = clock::now_ns();
    stream.write_all(&head).await?;
    let mut socket = stream.into_std()?;
    socket.set_nonblocking(false)?;
    // A client that stops reading must not hold the thread for ever.
    socket.set_write_timeout(Some(Duration::from_secs(60)))?;
    let work = tokio::task::spawn_blocking(move || {
        let ending = player.play_precisely(&mut socket, start)?;
        io::Result::Ok((socket, ending))
    });
    let (socket, ending) = work.await.map_err(io::Error::other)??;
    socket.set_nonblocking(true)?;
    Ok((TcpStream::from_std(socket)?, ending))
}
