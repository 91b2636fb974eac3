//! Every kind of case, and the timer, under the workflows' test kit: a failure at every step leaves nothing half
//! done, crashes at every step change nothing, and every undo can be repeated.

#[expect(dead_code, reason = "shared with the tests of the whole domain, which use more of it")]
#[path = "../../tests/moderation/fake.rs"]
mod fake;
mod report;

use std::{sync::Arc, time::Duration};

use guildhall_core::{
    Clock, Rank,
    guild::{ChannelId, MessageId, UserId, bits},
    incident::Deaf,
    permission::DefaultRanks,
};
use guildhall_flows::{
    Failure, Workflow,
    testkit::{Scene, Stage, check},
};
use guildhall_store::{EventStore, scope};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};

use super::{CarryInput, CarryOver, CaseFlow, CaseInput, CaseTimer, MassBan};
use crate::{
    Moderation, Seams,
    book::{By, NewCase},
    case::{CaseKind, CaseState, Closed, Deed},
    deed::Found,
    entity::case,
    jail::{BackToJail, CoverInput, CoverJail},
    migrations,
};
use fake::*;

struct World {
    moderation: Arc<Moderation>,
    guild: Fake,
    access: FakeAccess,
    stage: Stage,
    number: i64,
    kind: CaseKind,
    found: Found,
}

impl World {
    async fn new(stage: Stage, new: NewCase) -> Self {
        let (guild, access, settings) = (Fake::new(), FakeAccess::default(), FakeSettings::default());
        settings.set("jail.role", JAIL.to_string());
        settings.set("logs.reports", REPORTS.to_string());
        let clock: Arc<dyn Clock> = stage.clock.clone();
        let moderation = Moderation::new(Seams {
            store: stage.store.clone(),
            events: EventStore::new(stage.store.clone(), clock.clone()),
            flows: stage.handle.clone(),
            guilds: Arc::new(guild.clone()),
            courier: Arc::new(guild.clone()),
            settings: Arc::new(settings),
            access: Arc::new(access.clone()),
            ranking: Arc::new(FakeRanks),
            permissions: Arc::new(DefaultRanks),
            observer: Arc::new(Deaf),
            clock,
        });
        let now = stage.clock.now();
        let spam = (0..3).map(|_| guild.write(GENERAL, ANN, "spam", now)).collect();
        let found = Found { messages: spam, too_old: 0 };
        // The kit starts the flow itself.
        let (row, _) = moderation.open(&stage.tenant, NewCase { own_flow: false, ..new }).await.unwrap();
        Self { moderation, guild, access, stage, number: row.number, kind: row.kind, found }
    }

    async fn row(&self) -> case::Model {
        self.moderation.case(&self.stage.tenant, self.number).await.unwrap()
    }

    /// Whether what the case says has happened on Discord.
    fn has_happened(&self, kind: CaseKind) -> bool {
        let guild = &self.guild;
        let member = |user: UserId| guild.member_now(user);
        match kind {
            CaseKind::Ban | CaseKind::Tempban => guild.is_banned(ANN),
            CaseKind::Unban => !guild.is_banned(BOB),
            CaseKind::Kick => member(ANN).is_none(),
            CaseKind::Softban => member(ANN).is_none() && !guild.is_banned(ANN),
            CaseKind::Timeout => member(ANN).unwrap().timeout.is_some(),
            CaseKind::Jail => guild.roles(ANN) == [MANAGED, JAIL],
            CaseKind::Lock => {
                guild.overwrite(GENERAL, EVERYONE).is_some_and(|own| own.deny & bits::SEND_MESSAGES != 0)
            }
            CaseKind::Purge => guild.lock().messages.is_empty(),
            CaseKind::Untimeout => member(ANN).unwrap().timeout.is_none(),
            CaseKind::Unjail => guild.roles(ANN) == [PLAYER, ARTIST, MANAGED],
            CaseKind::Unlock => guild.overwrite(GENERAL, EVERYONE).is_none(),
            CaseKind::Role => guild.roles(ANN) == [PLAYER, ARTIST, MANAGED, EVENT],
            CaseKind::Nick => member(ANN).unwrap().nick.as_deref() == Some("New"),
            CaseKind::Slowmode => {
                guild.lock().guild.as_ref().unwrap().channel(GENERAL).unwrap().slowmode == 30
            }
            _ => true,
        }
    }

    /// Nothing of it is left.
    fn is_as_before(&self, kind: CaseKind) -> bool {
        let guild = &self.guild;
        match kind {
            CaseKind::Softban => guild.member_now(ANN).is_some() && !guild.is_banned(ANN),
            CaseKind::Jail => guild.roles(ANN) == [PLAYER, ARTIST, MANAGED],
            CaseKind::Lock => guild.overwrite(GENERAL, EVERYONE).is_none(),
            CaseKind::Purge => guild.lock().messages.len() == 3,
            CaseKind::Unjail => guild.roles(ANN) == [MANAGED, JAIL],
            CaseKind::Role => guild.roles(ANN) == [PLAYER, ARTIST, MANAGED],
            CaseKind::Warn => true,
            _ => !self.has_happened(kind),
        }
    }

    async fn assert_whole(&self, failed_is_fine: bool) {
        let row = self.row().await;
        if let Some(lifts) = row.lifts {
            let held = self.moderation.case(&self.stage.tenant, lifts).await.unwrap().state;
            let over = if row.state == CaseState::Failed { CaseState::Active } else { CaseState::Closed };
            assert_eq!(held, over, "what is lifted goes with its lift");
        }
        match row.state {
            CaseState::Failed if failed_is_fine => {
                assert!(self.is_as_before(row.kind), "it failed, and yet: {:?}", self.guild.done());
                assert!(row.failure.is_some() && row.holds.is_none());
            }
            state if state == row.kind.settled() => {
                assert!(self.has_happened(row.kind), "it is {state:?}, and yet: {:?}", self.guild.done());
            }
            state => panic!("it is {state:?}: {:?}", row.failure),
        }
    }
}

struct OneCase(World);

impl Scene for OneCase {
    type Workflow = CaseFlow;

    fn workflow(&self) -> CaseFlow {
        CaseFlow(self.0.moderation.clone())
    }

    fn input(&self) -> CaseInput {
        CaseInput { number: self.0.number, kind: self.0.kind, found: self.0.found.clone() }
    }

    async fn assert_clean(&self, _: &Failure) {
        self.0.assert_whole(true).await;
    }

    async fn assert_finished(&self, (): &()) {
        self.0.assert_whole(false).await;
    }
}

async fn prove(new: impl Fn() -> NewCase) -> Vec<String> {
    let report = check(migrations, |stage| {
        let new = new();
        async move {
            let world = World::new(stage, new).await;
            if world.kind == CaseKind::Unban {
                world.guild.lock().bans.insert(BOB, "earlier".to_owned());
            }
            OneCase(world)
        }
    })
    .await;
    report.steps
}

fn about(user: UserId, deed: Deed) -> NewCase {
    let by = By { id: guildhall_core::ActorId::discord(MOD.0), name: "Mia".to_owned() };
    NewCase { target: Some(user), target_name: "Ann".to_owned(), ..NewCase::new(deed, by) }
}

fn here(deed: Deed) -> NewCase {
    NewCase { target: None, channel: Some(GENERAL), ..about(ANN, deed) }
}

#[tokio::test]
async fn a_ban_is_whole_or_not_at_all() {
    let steps = prove(|| about(ANN, Deed::Ban { delete_seconds: 0 })).await;
    assert_eq!(steps, ["tell", "act"]);
}

#[tokio::test]
async fn a_kick_and_a_softban_are_whole_or_not_at_all() {
    prove(|| about(ANN, Deed::Kick)).await;
    prove(|| about(ANN, Deed::Softban { delete_seconds: 60 })).await;
}

#[tokio::test]
async fn a_temporary_ban_and_an_unban_are_whole_or_not_at_all() {
    let hour = Some(Duration::from_secs(3_600));
    prove(|| NewCase { lasts: hour, ..about(ANN, Deed::Ban { delete_seconds: 0 }) }).await;
    prove(|| about(BOB, Deed::Unban)).await;
}

#[tokio::test]
async fn a_timeout_a_warning_and_a_nickname_are_whole_or_not_at_all() {
    let hour = Some(Duration::from_secs(3_600));
    let steps = prove(|| NewCase { lasts: hour, ..about(ANN, Deed::Timeout) }).await;
    assert_eq!(steps, ["act", "tell"]);
    prove(|| about(ANN, Deed::Warn)).await;
    prove(|| about(ANN, Deed::Nick { nick: Some("New".to_owned()), before: None })).await;
}

#[tokio::test]
async fn a_jail_is_whole_or_not_at_all() {
    prove(|| about(ANN, Deed::Jail { role: JAIL, roles: vec![PLAYER, ARTIST], owed: false })).await;
}

#[tokio::test]
async fn a_lock_slow_mode_and_a_purge_are_whole_or_not_at_all() {
    let channels = || vec![Closed { channel: GENERAL, before: None }];
    prove(|| here(Deed::Lock { everyone: EVERYONE, channels: channels() })).await;
    prove(|| here(Deed::Slowmode { seconds: 30, before: 0 })).await;
    let purge = || Deed::Purge { count: 10, user: None, contains: None, bots: false, deleted: 0, too_old: 0 };
    let steps = prove(|| here(purge())).await;
    assert_eq!(steps, ["act"]);
}

/// A case that holds, and the one that lifts it.
async fn lifting(stage: Stage, holds: NewCase, lifts: impl FnOnce(NewCase) -> NewCase) -> OneCase {
    let mut world = World::new(stage, holds).await;
    let held = world.number;
    world.moderation.act(&world.stage.tenant, held, &Found::default()).await.unwrap();
    let by = By { id: guildhall_core::ActorId::discord(MOD.0), name: "Mia".to_owned() };
    let new = NewCase {
        target_name: "Ann".to_owned(),
        lifts: Some(held),
        own_flow: false,
        ..lifts(NewCase::new(Deed::Note, by))
    };
    let (row, _) = world.moderation.open(&world.stage.tenant, new).await.unwrap();
    (world.number, world.kind) = (row.number, row.kind);
    OneCase(world)
}

#[tokio::test]
async fn a_release_from_jail_is_whole_or_not_at_all() {
    let steps = check(migrations, |stage| async move {
        let (role, roles) = (JAIL, vec![PLAYER, ARTIST]);
        let jail = about(ANN, Deed::Jail { role, roles: roles.clone(), owed: false });
        lifting(stage, jail, |new| NewCase { deed: Deed::Unjail { role, roles }, target: Some(ANN), ..new })
            .await
    })
    .await
    .steps;
    assert_eq!(steps, ["act", "tell"]);
}

#[tokio::test]
async fn the_end_of_a_timeout_is_whole_or_not_at_all() {
    check(migrations, |stage| async move {
        let timeout = NewCase { lasts: Some(Duration::from_secs(3_600)), ..about(ANN, Deed::Timeout) };
        lifting(stage, timeout, |new| NewCase { deed: Deed::Untimeout, target: Some(ANN), ..new }).await
    })
    .await;
}

#[tokio::test]
async fn an_unlock_is_always_completed() {
    check(migrations, |stage| async move {
        let channels = || vec![Closed { channel: GENERAL, before: None }];
        let lock = here(Deed::Lock { everyone: EVERYONE, channels: channels() });
        let unlock = Deed::Unlock { everyone: EVERYONE, channels: channels() };
        lifting(stage, lock, |new| NewCase { deed: unlock, channel: Some(GENERAL), ..new }).await
    })
    .await;
}

#[tokio::test]
async fn a_role_is_whole_or_not_at_all() {
    prove(|| about(ANN, Deed::Role { role: EVENT, give: true, name: "Event".to_owned() })).await;
}

/// Channels that those in jail are shut out of.
struct Cover(World);

impl Scene for Cover {
    type Workflow = CoverJail;

    fn workflow(&self) -> CoverJail {
        CoverJail(self.0.moderation.clone())
    }

    fn input(&self) -> CoverInput {
        CoverInput { channel: None }
    }

    /// Nobody is let in again where the jail is closed already.
    async fn assert_clean(&self, _: &Failure) {
        let channels = [GENERAL, RULES, LOG, REPORTS];
        let own = |channel: &ChannelId| self.0.guild.overwrite(*channel, JAIL);
        assert!(channels.iter().filter_map(own).all(|own| own.deny == bits::DENIED_IN_JAIL));
    }

    async fn assert_finished(&self, changed: &u32) {
        for channel in [GENERAL, RULES, LOG, REPORTS] {
            let own = self.0.guild.overwrite(channel, JAIL).expect("it is covered");
            assert_eq!((own.allow, own.deny), (0, bits::DENIED_IN_JAIL), "{channel}");
        }
        assert!(*changed <= 4);
    }
}

#[tokio::test]
async fn every_channel_is_closed_to_the_jail() {
    check(migrations, |stage| async move { Cover(World::new(stage, about(ANN, Deed::Warn)).await) }).await;
}

/// A case that holds, and the timer that ends it.
struct Ending(World);

impl Scene for Ending {
    type Workflow = CaseTimer;

    fn workflow(&self) -> CaseTimer {
        CaseTimer(self.0.moderation.clone())
    }

    fn input(&self) -> i64 {
        self.0.number
    }

    /// Only a wait can fail it, as when somebody cancels it; then a new one is begun once the end is past.
    async fn assert_clean(&self, cause: &Failure) {
        let before = self.0.row().await;
        assert_eq!(before.state, CaseState::Active, "{cause}");
        let stage = &self.0.stage;
        stage.clock.advance(Duration::from_secs(2 * 3_600));
        // The kit's own flow is another than the one that the case began; now it has none.
        let tx = stage.store.begin().await.unwrap();
        let nothing = case::ActiveModel { timer: Set(None), ..Default::default() };
        let update = scope::update::<case::Entity>(&stage.tenant).set(nothing);
        update.filter(case::Column::Number.eq(self.0.number)).exec(tx.conn()).await.unwrap();
        tx.commit().await.unwrap();
        assert!(self.0.moderation.mend_timers().await.unwrap() > 0);
        assert!(self.0.row().await.timer.is_some());
    }

    async fn assert_finished(&self, (): &()) {
        assert_eq!(self.0.row().await.state, CaseState::Expired);
        assert!(!self.0.guild.is_banned(ANN));
    }
}

#[tokio::test]
async fn a_timer_ends_its_case_whatever_happens() {
    let report = check(migrations, |stage| async move {
        let lasts = Some(Duration::from_secs(3_600));
        let world = World::new(stage, NewCase { lasts, ..about(ANN, Deed::Ban { delete_seconds: 0 }) }).await;
        let found = Found { messages: vec![MessageId(1)], too_old: 0 };
        world.moderation.act(&world.stage.tenant, world.number, &found).await.unwrap();
        Ending(world)
    })
    .await;
    assert_eq!(report.steps, ["look 1", "moved 1", "look 2", "lift 2"]);
}

struct Many(World);

impl Scene for Many {
    type Workflow = MassBan;

    fn workflow(&self) -> MassBan {
        MassBan(self.0.moderation.clone())
    }

    fn input(&self) -> <MassBan as Workflow>::Input {
        (self.0.number, vec![ANN, BOB, STRANGER])
    }

    async fn assert_clean(&self, _: &Failure) {
        self.whole().await;
    }

    async fn assert_finished(&self, (): &()) {
        self.whole().await;
    }
}

impl Many {
    async fn whole(&self) {
        let row = self.0.row().await;
        assert_eq!(row.state, CaseState::Closed);
        let Ok(Deed::Massban { results, .. }) = row.deed() else { panic!("another deed") };
        for user in [ANN, BOB, STRANGER] {
            let reference = format!("massban:{}:{user}", self.0.number);
            let case = self.0.moderation.by_reference(&self.0.stage.tenant, &reference).await.unwrap();
            let active = case.as_ref().is_some_and(|case| case.state == CaseState::Active);
            assert_eq!(self.0.guild.is_banned(user), active, "{user}: {results:?}");
            assert!(case.is_none_or(|case| case.state != CaseState::Pending), "{user} is half banned");
        }
        assert_eq!(results.len(), 3, "everybody is on the list");
    }
}

#[tokio::test]
async fn a_mass_ban_leaves_nobody_half_banned() {
    check(migrations, |stage| async move {
        let deed = Deed::Massban {
            users: vec![ANN, BOB, STRANGER],
            delete_seconds: 0,
            acting: None,
            rank: Rank::OPERATOR,
            results: Vec::new(),
        };
        Many(World::new(stage, NewCase { target: None, ..about(ANN, deed) }).await)
    })
    .await;
}

struct Carried(World);

impl Scene for Carried {
    type Workflow = CarryOver;

    fn workflow(&self) -> CarryOver {
        CarryOver(self.0.moderation.clone())
    }

    fn input(&self) -> CarryInput {
        CarryInput { number: self.0.number }
    }

    async fn assert_clean(&self, cause: &Failure) {
        panic!("a case stands whatever the game servers do: {cause}");
    }

    async fn assert_finished(&self, (): &()) {
        let row = self.0.row().await;
        assert_eq!(row.state, CaseState::Active);
        let barred = self.0.access.0.lock().unwrap().barred.len();
        assert!(barred == 1 || row.carried.is_none_or(|said| said.contains("could not be told")));
    }
}

#[tokio::test]
async fn carrying_over_never_fails_a_case() {
    check(migrations, |stage| async move {
        let world = World::new(stage, about(ANN, Deed::Ban { delete_seconds: 0 })).await;
        world.moderation.act(&world.stage.tenant, world.number, &Found::default()).await.unwrap();
        Carried(world)
    })
    .await;
}

struct Back(World);

impl Scene for Back {
    type Workflow = BackToJail;

    fn workflow(&self) -> BackToJail {
        BackToJail(self.0.moderation.clone())
    }

    fn input(&self) -> UserId {
        ANN
    }

    async fn assert_clean(&self, _: &Failure) {
        self.assert_finished(&()).await;
    }

    async fn assert_finished(&self, (): &()) {
        assert_eq!(self.0.guild.roles(ANN), [MANAGED, JAIL]);
    }
}

#[tokio::test]
async fn coming_back_to_jail_holds() {
    check(migrations, |stage| async move {
        let deed = Deed::Jail { role: JAIL, roles: vec![PLAYER, ARTIST], owed: false };
        let world = World::new(stage, about(ANN, deed)).await;
        world.moderation.act(&world.stage.tenant, world.number, &Found::default()).await.unwrap();
        world.guild.join(ANN, "Ann", &[PLAYER, MANAGED]);
        Back(world)
    })
    .await;
}
