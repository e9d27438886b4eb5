//! The world of one simulated run: sites, network, clock and broker, moved on a step at a time by
//! one source of chance. It starts, crashes and restarts the broker, and writes the history.

mod ending;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use axle_broker::{
    clock::Clock as _,
    engine::Engine,
    metrics::Metrics,
    view::{Limits, View},
};
use axle_core::{directory::Directory, snapshot::Snapshot, table::RoutingTable};
use axle_model::{digest::Digest, identity::Identity};
use axle_store::{
    Store as _,
    faulty::{Faulty, Odds},
    memory::Memory,
};
use futures::FutureExt as _;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::{
    Bug, Run,
    clock::{START, VirtualClock},
    door::{self, Broker},
    model::Model,
    network::{Answer, Network, Parcel, Request},
    planted::Planted,
    practice::Practice,
    trust::Trust,
};
use crate::{
    checker::{
        self, Verdict,
        history::{Entry, What},
    },
    documents::ods,
};

const TRUSTS: [&str; 3] = ["RR8", "RBA", "RX1"];
/// The practices of a world.
pub(super) const PRACTICES: [&str; 4] = ["K81003", "A83008", "B82001", "C81010"];
/// Steps before the faults end.
const STEPS: u32 = 1_500;

const ROUTING: &str = r#"
version = 1
[defaults]
workflow = "LETTERS"
[[workflow]]
id = "LETTERS"
attempts_max = 3
retry_base_seconds = 1
retry_ceiling_seconds = 20
[[workflow]]
id = "OPAQUE"
opaque = true
attempts_max = 3
retry_base_seconds = 1
retry_ceiling_seconds = 20
[[rule]]
id = "held"
when = { sender = "RX1", type = "snomed:823681000000100" }
then = { hold = true }
[[allow]]
sender = "*"
workflow = "*"
recipient = "*"
"#;

/// Who takes part.
pub(super) struct Sites {
    pub(super) trusts: Vec<Trust>,
    pub(super) practices: Vec<Practice>,
    pub(super) operator: Identity,
}

/// A request the broker is at work on.
struct Task {
    number: u64,
    request: Request,
    work: Pin<Box<dyn Future<Output = Answer>>>,
}

/// One run.
pub(super) struct World {
    seed: u64,
    random: StdRng,
    clock: VirtualClock,
    network: Network,
    sites: Sites,
    broker: Arc<Broker>,
    tasks: Vec<Task>,
    model: Model,
    history: Vec<Entry>,
    crashes: u32,
}

/// The identity in a site's certificate.
pub(super) fn identity(code: &str) -> Identity {
    Identity {
        organisation: Some(ods(code)),
        operator: false,
        serial: "0a".to_owned(),
        fingerprint: Digest::of(code.as_bytes()),
    }
}

impl World {
    pub(super) fn new(seed: u64, bug: Option<Bug>) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let clock = VirtualClock::new(random.random());
        let odds = Odds {
            full: 10,
            stopped_before: 2,
            stopped_after: 3,
            delayed: 300,
            unwritten: 700,
        };
        let store = Faulty::new(Memory::seeded, random.random(), odds);
        let named = TRUSTS.iter().enumerate();
        let trusts = named.map(|(number, code)| Trust::new(number, code));
        let named = PRACTICES.iter().enumerate();
        let practices = named.map(|(number, code)| Practice::new(number, code));
        Self {
            seed,
            network: Network::new(random.random()),
            broker: begin(Planted::new(store, bug), &clock),
            clock,
            random,
            sites: Sites {
                trusts: trusts.collect(),
                practices: practices.collect(),
                operator: Identity {
                    organisation: None,
                    operator: true,
                    ..identity(TRUSTS[0])
                },
            },
            tasks: Vec::new(),
            model: Model::default(),
            history: Vec::new(),
            crashes: 0,
        }
    }

    /// Lives through it all.
    pub(super) fn run(mut self) -> Run {
        let mut step = 0;
        while step < STEPS && self.is_sound() {
            self.step();
            step += 1;
        }
        if self.is_sound() {
            self.wind_down();
        }
        if self.is_sound() {
            self.take_stock();
        }
        let mut record = self.model.trace();
        for entry in &self.history {
            record.push_str(&serde_json::to_string(entry).expect("an entry is JSON"));
            record.push('\n');
        }
        let (mut breaches, mut verdict) = (self.model.breaches().to_vec(), Verdict::default());
        // A history that was cut short would seem to have lost what was still under way.
        if breaches.is_empty() {
            verdict = checker::judge(&self.history);
            breaches.extend(verdict.breaches());
        }
        Run {
            seed: self.seed,
            digest: Digest::of(record.as_bytes()),
            crashes: self.crashes,
            happened: self.model.happened().clone(),
            verdict,
            record: if breaches.is_empty() {
                String::new()
            } else {
                record
            },
            breaches,
        }
    }

    fn is_sound(&self) -> bool {
        self.model.breaches().is_empty()
    }

    fn step(&mut self) {
        let leap = self.random.random_ratio(1, 200);
        let micros = if leap {
            10_000_000..400_000_000
        } else {
            1..1_500_000
        };
        let span = Duration::from_micros(self.random.random_range(micros));
        self.clock.advance(span);
        let stopped = self.broker.store().health().stopped.is_some();
        match self.random.random_range(0..1_000) {
            0..300 => self.act(),
            300..600 => drop(self.deliver()),
            600..900 => self.work(),
            900..990 => self.tick(),
            990..993 => self.crash(),
            993..995 => self.restart(),
            // Whoever runs a broker whose store has stopped kills it before long.
            _ if stopped => self.crash(),
            _ => {}
        }
        self.audit();
    }

    /// One of the sites does something.
    fn act(&mut self) {
        let (trusts, practices) = (TRUSTS.len(), PRACTICES.len());
        let number = self.random.random_range(0..=trusts + practices);
        // The last practice is often closed.
        let asleep = number + 1 == trusts + practices && self.random.random_ratio(9, 10);
        if number == trusts + practices {
            self.oversee();
        } else if number < trusts {
            self.trust_acts(number);
        } else if !asleep {
            self.practice_acts(number - trusts);
        }
    }

    fn trust_acts(&mut self, number: usize) {
        if let Some((request, invoke)) = self.sites.trusts[number].act(&mut self.random) {
            self.record(invoke);
            self.network.send(self.clock.now(), request);
        }
    }

    fn practice_acts(&mut self, number: usize) {
        if let Some(request) = self.sites.practices[number].act(&mut self.random) {
            self.network.send(self.clock.now(), request);
        }
    }

    /// The operator offers a dead letter again, or by mistake something else.
    fn oversee(&mut self) {
        let mistaken = self.random.random_ratio(1, 10);
        let all = self.model.deliveries();
        let chosen = all.filter(|(_, word)| mistaken || *word == "dead-lettered");
        let chosen: Vec<_> = chosen.collect();
        if !chosen.is_empty() && self.random.random_ratio(1, 4) {
            let (delivery, _) = chosen[self.random.random_range(0..chosen.len())];
            self.network
                .send(self.clock.now(), Request::Requeue { delivery });
        }
    }

    /// Something arrives, if anything is due.
    fn deliver(&mut self) -> bool {
        let Some(parcel) = self.network.arrived(self.clock.now()) else {
            return false;
        };
        match parcel {
            Parcel::Request(number, request) => self.begin(number, request),
            Parcel::Answer(request, answer) => self.hear(request, answer),
        }
        true
    }

    fn begin(&mut self, number: u64, request: Request) {
        self.model.asked(&request);
        let caller = door::caller(&self.sites, &request);
        let work = Box::pin(door::serve(self.broker.clone(), caller, request.clone()));
        self.tasks.push(Task {
            number,
            request,
            work,
        });
    }

    fn hear(&mut self, request: Request, answer: Option<Answer>) {
        match &request {
            Request::Submit { trust, .. } | Request::Watch { trust, .. } => {
                let trust = &mut self.sites.trusts[*trust];
                if let Some(Answer::Updates(updates)) = &answer {
                    self.model.heard(ods(trust.code), updates);
                }
                let what = trust.hear(request, answer);
                self.record(what);
            }
            Request::Collect { practice, .. } | Request::Settle { practice, .. } => {
                let practice = &mut self.sites.practices[*practice];
                let all = practice.hear(request, answer);
                self.record(all);
            }
            Request::Requeue { .. } | Request::Tick => {}
        }
    }

    /// The broker works on one of its requests for a while.
    fn work(&mut self) {
        if self.tasks.is_empty() {
            return;
        }
        let chosen = self.random.random_range(0..self.tasks.len());
        let mut context = Context::from_waker(Waker::noop());
        let task = &mut self.tasks[chosen];
        let Poll::Ready(answer) = task.work.as_mut().poll(&mut context) else {
            return;
        };
        let Task {
            number, request, ..
        } = self.tasks.swap_remove(chosen);
        self.audit();
        let (caller, now) = (door::caller(&self.sites, &request), self.clock.now());
        self.model
            .answered(caller.organisation, &request, &answer, now);
        if !matches!(request, Request::Tick) {
            self.network.answer(now, number, request, Some(answer));
        }
    }

    /// The broker's own clock ticks, unless it is still at work on the last tick.
    fn tick(&mut self) {
        let ticking = |task: &Task| matches!(task.request, Request::Tick);
        if !self.tasks.iter().any(ticking) {
            self.begin(0, Request::Tick);
        }
    }

    /// The broker is killed over whatever it does, and begun again.
    fn crash(&mut self) {
        let now = self.clock.now();
        for Task {
            number, request, ..
        } in std::mem::take(&mut self.tasks)
        {
            if !matches!(request, Request::Tick) {
                self.network.answer(now, number, request, None);
            }
        }
        self.crashes += 1;
        let next = self.broker.store().after_crash().now_or_never();
        self.begin_again(next.expect("a store that answers at once"));
    }

    /// The broker is stopped in good order, and begun again.
    fn restart(&mut self) {
        while !self.tasks.is_empty() {
            self.work();
        }
        let next = self.broker.store().after_stop().now_or_never();
        self.begin_again(next.expect("a store that answers at once"));
    }

    fn begin_again(&mut self, store: Planted) {
        self.broker = begin(store, &self.clock);
        let audit = self.model.begun_again(self.broker.store()).now_or_never();
        audit.expect("a store that answers at once");
    }

    fn audit(&mut self) {
        let audit = self.model.audit(self.broker.store()).now_or_never();
        audit.expect("a store that answers at once");
    }

    fn record(&mut self, all: impl IntoIterator<Item = What>) {
        let now = self.clock.now();
        let entry = |what| Entry {
            wall_micros: now.as_micros(),
            elapsed_micros: u64::try_from(now.since(START).as_micros()).unwrap_or(u64::MAX),
            what,
        };
        self.history.extend(all.into_iter().map(entry));
    }
}

/// A broker's process begins on a store.
fn begin(store: Planted, clock: &VirtualClock) -> Arc<Broker> {
    let mailbox = |practice| format!("[[mailbox]]\norganisation = \"{practice}\"\n");
    let directory = PRACTICES.map(mailbox).concat();
    let view = View {
        snapshot: Snapshot {
            directory: Directory::parse(&directory).expect("a directory"),
            table: RoutingTable::parse(ROUTING).expect("a routing table"),
            ..Snapshot::default()
        },
        limits: Limits::default(),
    };
    let metrics = Arc::new(Metrics::default());
    Arc::new(Engine::new(Arc::new(store), clock.clone(), view, metrics))
}
