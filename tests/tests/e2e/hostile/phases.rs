//! What can be done in every function that a plugin exports, done in each of them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use siltstone::ErrorKind::{Plugin as Fault, Timeout};
use siltstone::plugin::{Location, PluginStorage};
use siltstone_hostile::{ASLEEP, Behaviour, Function, Order};
use tokio::task::JoinHandle;

use super::house::{House, Plan};
use super::trial::Outcome::{self, Fails, Harmless};
use super::trial::{Call, behave, provoke, trial_in};
use super::trials;

trials! {
    @ Trap by a_panic_in_any_function_ends_that_call;
    @ Exit by an_exit_in_any_function_ends_that_call;
    @ Loop by an_endless_loop_in_any_function_is_ended;
    @ CallLoop by an_endless_loop_of_host_calls_in_any_function_is_ended;
    @ Recursion by endless_recursion_in_any_function_is_ended;
    @ MemoryHog by memory_is_bounded_in_any_function;
    @ Sleep by a_long_sleep_in_any_function_is_a_stall;
    @ SleepForEver by the_longest_sleep_in_any_function_is_a_stall;
    @ Dawdle by waking_up_for_ever_in_any_function_ends_with_its_time;
    @ SendsNow by a_request_in_any_function_never_leaves_the_host;
}

/// The call of the host that leads to a function.
fn call_of(function: Function) -> Call {
    match function {
        Function::Describe => Call::Load,
        Function::Needs | Function::Open | Function::Home | Function::Capabilities => Call::Open,
        // The host ends instances as a whole and never asks a plugin to clean up after itself.
        Function::Put | Function::Drop => Call::Put,
        Function::Get => Call::Get,
        Function::Head => Call::Head,
        Function::List => Call::List,
        Function::Delete => Call::Delete,
        Function::Start => Call::Start,
        Function::Part => Call::Part,
        Function::Finish => Call::Finish,
        Function::Abort => Call::Abort,
    }
}

fn outcome_of(function: Function, outcome: Outcome) -> Outcome {
    if function == Function::Drop { Harmless } else { outcome }
}

/// The behaviour in one function after the other.
async fn in_every_function(behaviour: Behaviour, outcome: Outcome) {
    let house = House::new(Plan::default()).await;
    for function in Function::ALL {
        let order = Order::within(behaviour, *function);
        trial_in(&house, order, call_of(*function), outcome_of(*function, outcome)).await;
    }
}

/// The behaviour in all functions at once, for those that take their time.
async fn in_all_functions(behaviour: Behaviour, outcome: Outcome) {
    let house = House::new(Plan::default()).await;
    let trials = Function::ALL.iter().map(|function| {
        let order = Order::within(behaviour, *function);
        trial_in(&house, order, call_of(*function), outcome_of(*function, outcome))
    });
    join_all(trials).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_any_function_ends_that_call() {
    in_every_function(Behaviour::Trap, Fails(Fault, &["broke off", "on purpose: "])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_error_names_the_function_that_broke_off() {
    let house = House::new(Plan::default()).await;
    for function in Function::ALL.iter().filter(|f| **f != Function::Drop) {
        let hostile = house.hostile(Order::within(Behaviour::Trap, *function)).await;
        let failed = match (hostile, call_of(*function)) {
            (Err(error), _) => error,
            (Ok(hostile), call) => match (hostile.open(&Location::default()).await, call) {
                (Err(error), _) => error,
                (Ok(storage), call) => provoke(&*storage, call).await.unwrap_err(),
            },
        };
        assert_eq!(failed.operation(), function.name(), "{failed}");
        assert!(failed.to_string().contains(&format!("on purpose: {}", function.name())), "{failed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_opens_a_location_again_and_again_that_faults_makes_few_instances() {
    let house = House::new(Plan::default()).await;
    let places = [Function::Needs, Function::Open, Function::Capabilities, Function::Home];
    for (behaviour, word) in [(Behaviour::Trap, "on purpose: "), (Behaviour::Loop, "computed for more than")]
    {
        for function in places {
            let hostile = house.hostile(Order::within(behaviour, function)).await.unwrap();
            let made = || hostile.plugin().instances().created;
            let open = async || hostile.open(&Location::default()).await.unwrap_err();
            // Each fault doubles the pause; once it is longer than anybody waits, the error is that of the last fault.
            let mut tries = 0;
            let held = loop {
                let error = open().await;
                assert_eq!((error.kind(), error.operation()), (Fault, function.name()), "{error}");
                assert!(error.to_string().contains(word), "{error}");
                tries += 1;
                assert!(tries <= 32, "it is never held back: {error}");
                if error.to_string().contains("held back") {
                    break error;
                }
            };
            assert!(held.fault().is_some(), "{held}");
            // A busy machine may let some pauses go by: each of them doubles the next one.
            let before = made();
            for _ in 0..500 {
                assert!(open().await.to_string().contains(word));
            }
            assert!(made() - before <= 16, "{} instances for 500 calls", made() - before);
            // Another location of the same plugin is not held back by it, but for its own faults.
            let elsewhere = Location { bucket: None, path: Some("elsewhere".to_owned()) };
            let error = hostile.open(&elsewhere).await.unwrap_err();
            assert!(error.fault().is_some() && !error.to_string().contains("held back"), "{error}");
        }
    }
    house.assert_undisturbed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exit_in_any_function_ends_that_call() {
    in_every_function(Behaviour::Exit, Fails(Fault, &["broke off", "exit"])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_loop_in_any_function_is_ended() {
    in_every_function(Behaviour::Loop, Fails(Fault, &["computed for more than 300ms"])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_loop_of_host_calls_in_any_function_is_ended() {
    in_every_function(Behaviour::CallLoop, Fails(Fault, &["computed for more than 300ms"])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_recursion_in_any_function_is_ended() {
    in_every_function(Behaviour::Recursion, Fails(Fault, &["broke off"])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_bounded_in_any_function() {
    in_every_function(Behaviour::MemoryHog, Fails(Fault, &["33554432 bytes of memory"])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_sleep_in_any_function_is_a_stall() {
    in_all_functions(Behaviour::Sleep, Fails(Timeout, &["nothing moved for 4s"])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_longest_sleep_in_any_function_is_a_stall() {
    in_all_functions(Behaviour::SleepForEver, Fails(Timeout, &["nothing moved for 4s"])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waking_up_for_ever_in_any_function_ends_with_its_time() {
    in_all_functions(Behaviour::Dawdle, Fails(Timeout, &["was stopped"])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_in_any_function_never_leaves_the_host() {
    let house = House::new(Plan::default()).await;
    for function in Function::ALL {
        let words: &[&str] = match function {
            // Not even made, as a message that is not sent costs memory too.
            Function::Describe => &["made an HTTP message in `describe`"],
            Function::Needs => &["made an HTTP message in `needs`"],
            _ => &["HttpRequestDenied"],
        };
        let outcome = outcome_of(*function, Fails(Fault, words));
        trial_in(&house, Order::within(Behaviour::SendsNow, *function), call_of(*function), outcome).await;
    }
}

/// A put that its guest sleeps in when this returns.
async fn asleep(house: &House, storage: &Arc<PluginStorage>) -> JoinHandle<siltstone::Result<()>> {
    let sign = house.root.path().join("granted").join(ASLEEP);
    let _ = std::fs::remove_file(&sign);
    let storage = Arc::clone(storage);
    let call = tokio::spawn(async move { provoke(&*storage, Call::Put).await });
    while !sign.exists() {
        assert!(!call.is_finished(), "it ended before it slept");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    call
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_dropped_takes_only_its_own_instance_with_it() {
    let house = House::new(Plan::default()).await;
    let hostile = house.hostile(Order::of(Behaviour::Sleep)).await.unwrap();
    let storage = hostile.open(&Location::default()).await.unwrap();
    for dropped in 1..=5 {
        let call = asleep(&house, &storage).await;
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        assert_eq!(hostile.plugin().instances().discarded, dropped);
    }
    behave(&*storage, Call::Put).await.unwrap();
    assert_eq!(hostile.plugin().instances().discarded, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_instance_does_not_hold_up_the_others() {
    let house = House::new(Plan::default()).await;
    let storage = house.open(Order::of(Behaviour::Sleep)).await.unwrap();
    let busy = asleep(&house, &storage).await;
    behave(&*storage, Call::Head).await.unwrap();
    assert!(!busy.is_finished());
    assert_eq!(busy.await.unwrap().unwrap_err().kind(), Timeout);
}
