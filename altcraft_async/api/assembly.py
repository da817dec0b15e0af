"""Puts the parts of one client together."""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import partial

from altcraft_async.api.options import CheckedOptions
from altcraft_async.models.validation import checked_names
from altcraft_async.observer import Notifier
from altcraft_async.policies.adaptive import Adaptive
from altcraft_async.policies.base import Learner, checked_policy
from altcraft_async.protocol.base_url import install_of
from altcraft_async.protocol.codecs import FORMATS
from altcraft_async.protocol.endpoints import LIST_RESOURCES, TASK_STATUS, counters_by_kind
from altcraft_async.protocol.task_responses import TaskAnswer
from altcraft_async.protocol.token import Token
from altcraft_async.starts.ledger_starter import LedgerStarter
from altcraft_async.starts.reconcile import Reconciler
from altcraft_async.starts.registry import TaskRegistry
from altcraft_async.starts.starter import Starter
from altcraft_async.tasks.poll_rules import PollRules
from altcraft_async.tasks.scheduler import Scheduler
from altcraft_async.transport.context import ClientContext
from altcraft_async.transport.http import Limits, Transport
from altcraft_async.transport.lifecycle import Lifecycle
from altcraft_async.transport.outage import Outage
from altcraft_async.transport.rate import Rate
from altcraft_async.transport.rate_limit import RateLimiter, SharedRateLimiter
from altcraft_async.transport.retry import RetryBudget
from altcraft_async.transport.sender import Sender

__all__ = ["Parts", "assemble"]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one client that it uses itself."""

    lifecycle: Lifecycle
    rate_limiter: RateLimiter
    scheduler: Scheduler
    sender: Sender
    starter: Starter
    rules: PollRules
    outage: Outage

    async def aclose(self) -> None:
        """Close each part before those that it uses."""
        await self.outage.aclose()
        await self.rate_limiter.aclose()
        await self.scheduler.aclose()
        await self.starter.aclose()
        await self.sender.aclose()


def assemble(api_root: str, token: Token, options: CheckedOptions) -> Parts:
    """Make the parts of a client; does no I/O and needs no running loop."""
    context = _context(options)
    lifecycle, outage = context.lifecycle, context.outage
    rate_limiter = _rate_limiter(lifecycle, options)
    sender = _sender(api_root, token, options, context, rate_limiter)
    scheduler = Scheduler(lifecycle, rate_limiter, workers=_at_once(options))
    _connect(outage, sender, scheduler, rate_limiter)
    registry = TaskRegistry()
    policy = checked_policy(Adaptive() if options.poll is None else options.poll)
    rules = PollRules(
        client=context,
        scheduler=scheduler,
        poll=partial(_poll, sender, registry),
        policy=policy,
        learn=policy.learn if isinstance(policy, Learner) else None,
        on_end=registry.end,
        patience=options.polling_patience,
        failure_statuses=checked_names("failure_statuses", options.failure_statuses),
        mask=token.mask,
    )
    counters = counters_by_kind(options.segment_database_name)
    new_ledger_starter = partial(
        LedgerStarter,
        api_root=install_of(api_root),
        request_timeout=options.request_timeout,
        reconciler=Reconciler(sender, counters) if options.reconcile_starts else None,
        rules=rules,
        registry=registry,
    )
    starter = Starter(
        sender, rules, registry, ledger=options.ledger, new_ledger_starter=new_ledger_starter
    )
    return Parts(lifecycle, rate_limiter, scheduler, sender, starter, rules, outage)


def _context(options: CheckedOptions) -> ClientContext:
    lifecycle = Lifecycle(options.clock)
    notifier = None if options.observer is None else Notifier(options.observer)
    return ClientContext(
        lifecycle=lifecycle,
        retry=options.retry,
        retry_budget=RetryBudget(),
        random=random.random,
        notifier=notifier,
        outage=Outage(
            lifecycle, patience=options.outage_patience, random=random.random, notifier=notifier
        ),
    )


def _rate_limiter(lifecycle: Lifecycle, options: CheckedOptions) -> RateLimiter:
    rate = Rate(math.inf if options.rate_limit is None else options.rate_limit)
    if options.shared_limit is None:
        return RateLimiter(lifecycle, rate)
    return SharedRateLimiter(lifecycle, rate, options.shared_limit)


def _sender(
    api_root: str,
    token: Token,
    options: CheckedOptions,
    context: ClientContext,
    rate_limiter: RateLimiter,
) -> Sender:
    limits = Limits(
        seconds=options.request_timeout,
        answer_bytes=options.max_answer_bytes,
        start_idle=options.start_keepalive,
    )
    if options.session is not None:
        limits = limits.within(options.session.timeout)
    return Sender(
        Transport(
            api_root,
            limits=limits,
            borrowed=options.session,
            ssl_context=options.ssl_context,
            fast_path=options.fast_path,
        ),
        context=context,
        rate_limiter=rate_limiter,
        token=token,
        token_in=options.token_in,
        wire_format=FORMATS[options.format],
        at_once=_at_once(options),
    )


def _at_once(options: CheckedOptions) -> int:
    """Return how many requests of one sort may be sent at once."""
    connector = options.session and options.session.connector
    bounds = (connector.limit, connector.limit_per_host) if connector else ()
    # Otherwise requests would wait in the connector, and waiting there counts as connecting.
    return min([options.connections, *(bound for bound in bounds if bound)])


def _connect(
    outage: Outage, sender: Sender, scheduler: Scheduler, rate_limiter: RateLimiter
) -> None:
    """Let an outage stop and resume the polls, and probe by a list of one resource."""

    def closed(is_back: bool) -> None:  # noqa: FBT001 -- the interface of `Outage`
        if is_back:
            rate_limiter.ramp()
        refusal = None if is_back else outage.unavailable(TASK_STATUS.path)
        scheduler.resume(is_back=is_back, refusal=refusal)

    def held() -> None:
        if not (outage.prober.is_running or outage.holds_polls):
            scheduler.suspend()  # until the next probe, as the platform may be back
        outage.prober.start()

    def recovered(before: float) -> None:
        scheduler.rerun(before)
        sender.give_up(before)

    outage.opened = scheduler.suspend
    outage.closed = closed
    outage.recovered = recovered
    outage.heard_again = scheduler.rerun
    scheduler.on_held = held
    outage.is_wanted = lambda: scheduler.has_jobs
    outage.prober.acquire = partial(rate_limiter.acquire, ahead=True)
    outage.prober.probe = partial(sender.attempt, LIST_RESOURCES, {"from_id": 1, "limit": 1})


def _poll(sender: Sender, registry: TaskRegistry, task_id: str) -> Awaitable[TaskAnswer]:
    if registry.on_poll is not None:
        registry.on_poll()
    return sender.attempt(TASK_STATUS, {"task_id": task_id})
