//! What staff and members can do. Most operations take a measure against one or several people; each becomes a
//! case of its own.

mod appeal;
mod ban;
mod case;
mod channel;
mod export;
mod given;
mod inbox;
mod jail;
mod massban;
mod member;
mod purge;
mod reason;
mod report;
mod role;
mod search;
mod several;
mod stats;

use guildhall_core::Operations;

use crate::Moderation;

pub use appeal::{Appeal, AppealData};
pub use ban::{Ban, Softban, Tempban, Unban};
pub use case::{CaseClose, CaseEdit, CasePage, CaseShow};
pub use channel::{ChannelData, Lock, Slowmode, Unlock};
pub use export::{CaseExport, ExportData, Format};
pub use given::{Given, Why};
pub use inbox::{
    InboxAccept, InboxData, InboxDeny, InboxDismiss, InboxItem, InboxList, InboxResolve, InboxReveal,
    InboxShow, InboxTake, ReportData, RevealData,
};
pub use jail::{Jail, Unjail};
pub use massban::Massban;
pub use member::{Kick, Note, Timeout, Untimeout, Warn, WarnAuthor};
pub use purge::Purge;
pub use reason::{ReasonData, ReasonList, ReasonRemove, ReasonSet};
pub use report::{Report, ReportMessage, ReportedData};
pub use role::{Nick, RoleAdd, RoleRemove};
pub use search::{CaseList, CaseSearch, CasesAuthor, CasesData};
pub use several::{Outcomes, Problem};
pub use stats::{CaseStats, Counted, StatsData};

/// Every operation of moderation, and the completer of reasons.
pub fn operations() -> Operations<Moderation> {
    Operations::new()
        .with::<Ban>()
        .with::<Tempban>()
        .with::<Softban>()
        .with::<Unban>()
        .with::<Massban>()
        .with::<Kick>()
        .with::<Warn>()
        .with::<WarnAuthor>()
        .with::<Note>()
        .with::<Timeout>()
        .with::<Untimeout>()
        .with::<Jail>()
        .with::<Unjail>()
        .with::<RoleAdd>()
        .with::<RoleRemove>()
        .with::<Nick>()
        .with::<Slowmode>()
        .with::<Lock>()
        .with::<Unlock>()
        .with::<Purge>()
        .with::<CaseShow>()
        .with::<CaseList>()
        .with::<CasesAuthor>()
        .with::<CaseSearch>()
        .with::<CaseEdit>()
        .with::<CaseClose>()
        .with::<CaseExport>()
        .with::<CaseStats>()
        .with::<Report>()
        .with::<ReportMessage>()
        .with::<Appeal>()
        .with::<InboxList>()
        .with::<InboxShow>()
        .with::<InboxTake>()
        .with::<InboxResolve>()
        .with::<InboxDismiss>()
        .with::<InboxReveal>()
        .with::<InboxAccept>()
        .with::<InboxDeny>()
        .with::<ReasonList>()
        .with::<ReasonSet>()
        .with::<ReasonRemove>()
        .completer("reason", crate::reason::complete)
        .feature("moderation")
}
