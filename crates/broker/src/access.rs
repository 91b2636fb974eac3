//! Who may connect, publish, retain and subscribe: the broker's hooks.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};

use async_trait::async_trait;
use rmqtt::{
    codec::{types::QoS, v5::SubscribeAckReason},
    context::ServerContext,
    hook::{Handler, HookResult, Parameter, Register, ReturnType, Type},
    types::{AuthResult, ConnectInfo, LastWill, PublishAclResult, SubscribeReturn},
};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{BrokerError, User, rules};

/// The users by name.
#[derive(Debug)]
pub(crate) struct Users(RwLock<HashMap<String, Known>>);

#[derive(Debug)]
struct Known {
    password: [u8; 32],
    publish: Vec<String>,
    subscribe: Vec<String>,
    retain: Vec<String>,
}

impl Users {
    pub(crate) fn new(users: Vec<User>) -> Result<Self, BrokerError> {
        Ok(Self(RwLock::new(by_name(users)?)))
    }

    pub(crate) fn replace(&self, users: Vec<User>) -> Result<(), BrokerError> {
        let users = by_name(users)?;
        *self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner) = users;
        Ok(())
    }

    fn with<T>(&self, name: &str, look: impl FnOnce(Option<&Known>) -> T) -> T {
        look(self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(name))
    }

    fn password_fits(&self, name: &str, password: &[u8]) -> bool {
        let given: [u8; 32] = Sha256::digest(password).into();
        // An unknown user costs as much time as a wrong password.
        let (kept, known) =
            self.with(name, |user| user.map_or(([0; 32], false), |user| (user.password, true)));
        bool::from(kept.ct_eq(&given)) && known
    }

    fn may_publish(&self, name: &str, topic: &str, retain: bool) -> bool {
        self.with(name, |user| {
            user.is_some_and(|user| {
                any_covers(&user.publish, topic) && (!retain || any_covers(&user.retain, topic))
            })
        })
    }

    fn may_subscribe(&self, name: &str, filter: &str) -> bool {
        self.with(name, |user| user.is_some_and(|user| any_covers(&user.subscribe, filter)))
    }
}

fn any_covers(rules: &[String], wanted: &str) -> bool {
    rules.iter().any(|rule| rules::covers(rule, wanted))
}

fn by_name(users: Vec<User>) -> Result<HashMap<String, Known>, BrokerError> {
    let mut map = HashMap::with_capacity(users.len());
    for user in users {
        let filters = user.may_publish.iter().chain(&user.may_subscribe).chain(&user.may_retain);
        if let Some(filter) = filters.into_iter().find(|filter| !rules::is_filter(filter)) {
            return Err(BrokerError::BadFilter { user: user.name, filter: filter.clone() });
        }
        let known = Known {
            password: Sha256::digest(user.password.expose_secret().as_bytes()).into(),
            publish: user.may_publish,
            subscribe: user.may_subscribe,
            retain: user.may_retain,
        };
        if map.insert(user.name.clone(), known).is_some() {
            return Err(BrokerError::DuplicateUser(user.name));
        }
    }
    Ok(map)
}

/// Makes the broker ask `users` about everything.
pub(crate) async fn install(context: &ServerContext, users: Arc<Users>) {
    let register: Box<dyn Register> = context.extends.hook_mgr().register();
    for kind in [Type::ClientAuthenticate, Type::MessagePublishCheckAcl, Type::ClientSubscribeCheckAcl] {
        register.add(kind, Box::new(Gate { users: users.clone() })).await;
    }
    register.start().await;
}

struct Gate {
    users: Arc<Users>,
}

#[async_trait]
impl Handler for Gate {
    async fn hook(&self, parameter: &Parameter, earlier: Option<HookResult>) -> ReturnType {
        let result = match parameter {
            Parameter::ClientAuthenticate(connect) => HookResult::AuthResult(self.connect(connect)),
            Parameter::MessagePublishCheckAcl(session, publish) => {
                let user = session.id.username_ref();
                // The packet has been read already, so QoS 2 is turned away here and not only announced.
                let fits = publish.qos != QoS::ExactlyOnce
                    && self.users.may_publish(user, &publish.topic, publish.retain);
                HookResult::PublishAclResult(if fits {
                    PublishAclResult::allow()
                } else {
                    refused("publish", user, &publish.topic);
                    PublishAclResult::rejected(false, None)
                })
            }
            Parameter::ClientSubscribeCheckAcl(session, subscribe) => {
                let user = session.id.username_ref();
                HookResult::SubscribeAclResult(if self.users.may_subscribe(user, &subscribe.topic_filter) {
                    SubscribeReturn::new_success(subscribe.opts.qos(), None)
                } else {
                    refused("subscribe", user, &subscribe.topic_filter);
                    SubscribeReturn::new_failure(SubscribeAckReason::NotAuthorized)
                })
            }
            _ => return (true, earlier),
        };
        (false, Some(result))
    }
}

impl Gate {
    fn connect(&self, connect: &ConnectInfo) -> AuthResult {
        let user = connect.username().map_or("", |name| name.as_ref());
        let password = connect.password().map_or(&[][..], |password| password.as_ref());
        if !self.users.password_fits(user, password) {
            refused("password", user, "");
            return AuthResult::BadUsernameOrPassword;
        }
        if connect.client_id().as_ref() as &str != user {
            refused("client_id", user, "");
            return AuthResult::NotAuthorized;
        }
        // A will is published without the check that other messages get, so it is checked here.
        let will = connect.last_will().map(|will| match will {
            LastWill::V3(will) => (will.topic.clone(), will.retain, will.qos),
            LastWill::V5(will) => (will.topic.clone(), will.retain, will.qos),
        });
        if let Some((topic, retain, qos)) = will
            && (qos == QoS::ExactlyOnce || !self.users.may_publish(user, &topic, retain))
        {
            refused("will", user, &topic);
            return AuthResult::NotAuthorized;
        }
        AuthResult::Allow(false, None)
    }
}

fn refused(reason: &'static str, user: &str, topic: &str) {
    metrics::counter!("guildhall_broker_refused_total", "reason" => reason).increment(1);
    tracing::debug!(reason, user, topic, "message broker refused");
}
