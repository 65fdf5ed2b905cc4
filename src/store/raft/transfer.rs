//! Handing leadership over (section 3.10).

use crate::host::{NodeId, NotDone, Reply, RequestId, Value};
use crate::kernel::Draw;

use super::message::RaftMessage as Message;
use super::{Cx, RaftNode, RaftTimer, Role};

/// A leader's attempt to let another lead. Meanwhile it takes no requests.
#[derive(Clone, Debug)]
pub(super) struct Transfer {
    target: NodeId,
    /// Who asked for it, if somebody did.
    id: Option<RequestId>,
    /// Whether the target was told to stand for election.
    is_told: bool,
}

impl RaftNode {
    /// Lets another member lead, once it has the whole log.
    pub(super) fn transfer_leadership(&mut self, id: RequestId, target: NodeId, cx: &mut Cx<'_>) {
        if target == cx.me() {
            return cx.reply(id, Reply::Ok(Value::Nil));
        }
        let is_member = self.members.contains(target);
        let Role::Leader(leadership) = &mut self.role else { return };
        if !is_member || leadership.transfer.is_some() {
            return cx.reply(id, Reply::NotDone(NotDone::Unavailable));
        }
        leadership.transfer = Some(Transfer { target, id: Some(id), is_told: false });
        self.begin_transfer(cx);
    }

    fn begin_transfer(&mut self, cx: &mut Cx<'_>) {
        cx.set_timer(RaftTimer::Transfer, self.settings.election_timeout_max);
        self.advance_transfer(cx);
    }

    /// Lets some other member lead, of its own accord.
    pub(super) fn hand_over(&mut self, cx: &mut Cx<'_>) {
        let me = cx.me();
        let others: Vec<_> = self.members.current().iter().copied().filter(|&member| member != me).collect();
        let target = cx.random().pick(&others).copied();
        let Role::Leader(leadership) = &mut self.role else { return };
        if let Some(target) = target.filter(|_| leadership.transfer.is_none()) {
            leadership.transfer = Some(Transfer { target, id: None, is_told: false });
            self.begin_transfer(cx);
        }
    }

    /// Tells the target to stand for election, if it has the whole log now.
    pub(super) fn advance_transfer(&mut self, cx: &mut Cx<'_>) {
        let last = self.log.last_index();
        let Role::Leader(leadership) = &mut self.role else { return };
        let Some(transfer) = &mut leadership.transfer else { return };
        let has_all = leadership.peers.iter().any(|peer| peer.id == transfer.target && peer.matched == last);
        if has_all && !transfer.is_told {
            transfer.is_told = true;
            // From now on another may be elected before anyone's patience is over, however late the message arrives.
            leadership.has_abdicated = true;
            cx.send(transfer.target, Message::TimeoutNow { term: self.term });
        }
    }

    /// Leads on: the target did not win within an election timeout. It may still.
    pub(super) fn give_up_transfer(&mut self, cx: &mut Cx<'_>) {
        let Role::Leader(leadership) = &mut self.role else { return };
        if let Some(transfer) = leadership.transfer.take() {
            cx.reached("a transfer of leadership was given up");
            let reply = if transfer.is_told {
                Reply::Unknown("the other has not taken over in time".to_owned())
            } else {
                Reply::NotDone(NotDone::Unavailable)
            };
            if let Some(id) = transfer.id {
                cx.reply(id, reply);
            }
        }
    }

    /// A leader leads no more: whatever it has handed over is handed over.
    pub(super) fn end_transfer(transfer: Option<Transfer>, cx: &mut Cx<'_>) {
        cx.cancel_timer(RaftTimer::Transfer);
        if let Some(id) = transfer.and_then(|transfer| transfer.id) {
            cx.reply(id, Reply::Ok(Value::Nil));
        }
    }
}
