"""What a tick finds and pushes."""

import threading
from datetime import timedelta

import redis
from sqlalchemy import text
from sqlalchemy.orm import Session

from campaigns import clock, queue
from campaigns.delivery.freeze import freeze_audience
from campaigns.delivery.outbox import queue_mail
from campaigns.models.installation import Installation
from campaigns.settings import Settings, get_settings
from tests.builders import make_campaign, make_list, make_member, make_sender
from workers.scheduler import Scheduler, find_due, wake_ups


def make_sending(session: Session, *, people: int = 3) -> int:
    sender = make_sender(session)
    mailing_list = make_list(session, sender=sender)
    for _ in range(people):
        make_member(session, mailing_list=mailing_list)
    campaign = make_campaign(session, mailing_list=mailing_list, sender=sender)
    freeze_audience(session, campaign_id=campaign.id, batch_size=1, now=clock.now() - timedelta(seconds=1))
    campaign.state = "sending"
    session.flush()
    return campaign.id


def waiting_jobs(name: str) -> list[str]:
    return [job.func_name for job in queue.queue(name).jobs]


def test_as_many_pumps_are_woken_as_workers_can_use(session: Session, valkey: redis.Redis) -> None:
    make_sending(session)
    due = find_due(session, now=clock.now())
    assert due.sending == 3
    assert wake_ups(due, send_workers=2) == [queue.Job(queue.PUMP)] * 2
    queue.push([queue.Job(queue.PUMP)])
    assert wake_ups(due, send_workers=2) == [queue.Job(queue.PUMP)]


def test_pumps_with_a_living_lease_count(session: Session, valkey: redis.Redis) -> None:
    make_sending(session)
    session.execute(
        text("UPDATE batch SET state = 'sending', worker = 'w', lease_until = now() + interval '9 s' WHERE number = 1")
    )
    assert wake_ups(find_due(session, now=clock.now()), send_workers=2) == [queue.Job(queue.PUMP)]


def test_a_held_installation_wakes_no_pump(session: Session, valkey: redis.Redis) -> None:
    make_sending(session)
    session.get_one(Installation, 1).held_at = clock.now()
    session.flush()
    assert wake_ups(find_due(session, now=clock.now()), send_workers=2) == []


def test_a_paused_campaign_wakes_no_pump(session: Session, valkey: redis.Redis) -> None:
    make_sending(session)
    session.execute(text("UPDATE campaign SET state = 'paused'"))
    assert find_due(session, now=clock.now()).sending == 0


def test_an_emptied_queue_is_filled_by_the_next_tick(session: Session, valkey: redis.Redis, settings: Settings) -> None:
    make_sending(session)
    queue_mail(
        session,
        kind="notice",
        to_email="a@b.example",
        envelope_from="c@d.example",
        raw=b"x",
        idempotency_key="k",
        now=clock.now() - timedelta(seconds=1),
    )
    scheduler = Scheduler(get_settings(), threading.Event())
    scheduler.tick()
    assert waiting_jobs(queue.SEND) == [queue.PUMP] * 2
    valkey.flushall()
    scheduler.tick()
    assert waiting_jobs(queue.SEND) == [queue.PUMP] * 2
    assert waiting_jobs(queue.BULK) == [queue.DELIVER_OUTBOX]


def test_a_campaign_with_nothing_open_is_marked_as_sent(session: Session, valkey: redis.Redis) -> None:
    campaign_id = make_sending(session)
    session.execute(text("UPDATE batch SET state = 'done', handed_seq = last_seq, marked_seq = last_seq, sent = 1"))
    Scheduler(get_settings(), threading.Event()).tick()
    state = session.scalar(text("SELECT state FROM campaign WHERE id = :id"), {"id": campaign_id})
    assert state == "sent"
