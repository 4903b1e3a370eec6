"""Junk that Graph tells, or whoever says that he is Graph."""

import hmac
import json
import os
from typing import Any

from django.urls import reverse
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from connector import keys
from connector.models import Key
from sandbox.graph.encryption import OAEP, certificate_of, encrypted, encrypted_content, text
from tests.fuzz import junk
from tests.fuzz.edges import Case, ask, outcome
from tests.fuzz.judge import Act, Outcome
from tests.fuzz.world import World
from tests.visits.test_receipts.notified import entry, roster
from visits import receipts
from visits.models import Receipt, Subscription

JSON = "application/json"


def _item(world: World, subscription: Subscription, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "subscriptionId": subscription.graph_id,
        "clientState": receipts.client_state(subscription),
        "tenantId": world.tid,
        "changeType": "updated",
        "encryptedContent": content,
    }


def delivered(name: str, member: str = "") -> Case:
    """A batch of two with something broken, told at an address. Only an item with a client state of ours is kept."""

    def case(world: World, data: DataObject) -> Act:
        subscription, key = Subscription.objects.earliest("pk"), keys.notification_key()
        content = encrypted_content(roster(entry("u1")), key.public["certificate"], key.kid)
        item = _item(world, subscription, content) | ({member: "missed"} if member else {})
        batch = {"value": [item, item], "validationTokens": [world.publisher.token(world.tid)]}
        body, odd = data.draw(junk.bodies(batch)), data.draw(junk.headers)
        query = data.draw(
            st.sampled_from(["", "", "", "?validationToken", "?proof=" + junk.MARK, "?validationToken=a%0d%0ab%00"])
        )
        text_of = body.decode(json.detect_encoding(body), "replace")
        ours = text_of.count(receipts.client_state(subscription))

        def act() -> Outcome:
            before = Receipt.objects.count()
            answer = ask(world.browser(), "POST", reverse(name) + query, body, JSON, odd)
            kept = Receipt.objects.order_by("-pk")[: Receipt.objects.count() - before]
            assert len(kept) <= ours, "a receipt without a client state of ours"
            for receipt in kept:
                receipts.understand(receipt.pk)
            return outcome(answer) if kept or answer.status_code >= 400 else Outcome(False, answer.status_code)

        return act

    return case


def understood(world: World, data: DataObject) -> Act:
    """Content that was encrypted to our certificate, and decrypts to junk."""
    body = data.draw(junk.bodies(roster(entry("u1", world.tid), entry("teamsvisitor:1f", member="guest"))))
    return _understanding(world, lambda key: _sealed(body, key, os.urandom(32)))


def mistrusted(world: World, data: DataObject) -> Act:
    """Content whose envelope is broken: signature, wrapped key, base64, certificate, tokens."""
    body = json.dumps(roster(entry("u1", world.tid))).encode()
    broken = data.draw(junk.documents(_sealed(body, keys.notification_key(), os.urandom(32))))
    short = data.draw(st.sampled_from([0, 1, 16, 31, 33, 64]))
    sealed = data.draw(st.sampled_from([broken, broken, broken, None]))
    token = data.draw(st.one_of(st.none(), junk.values, st.just("a.b.c")))
    act = _understanding(world, lambda key: sealed or _sealed(body, key, os.urandom(short), short), token)

    def mistrusts() -> Outcome:
        done = act()
        assert not done.accepted or (token is None and sealed is not None), "believed without a token, or a secret"
        return done

    return mistrusts


def _understanding(world: World, content: Any, token: object = None) -> Act:
    def act() -> Outcome:
        subscription = Subscription.objects.earliest("pk")
        tokens = [world.publisher.token(world.tid) if token is None else token]
        item = _item(world, subscription, content(keys.notification_key()))
        [receipt] = receipts.keep([(subscription, item)], tokens)
        receipts.understand(receipt.pk)
        receipt.refresh_from_db()
        assert receipt.state != Receipt.State.NEW or receipt.reason, "left without a reason"
        return Outcome(receipt.state == Receipt.State.UNDERSTOOD)

    return act


def _sealed(plain: bytes, key: Key, secret: bytes, short: int = 32) -> dict[str, Any]:
    """As Graph seals it; a secret of another length has nothing to encrypt with, so the data is any."""
    data = encrypted(plain, secret) if short == 32 else plain[:64]
    _certificate, public = certificate_of(key.public["certificate"])
    return {
        "data": text(data),
        "dataSignature": text(hmac.digest(secret, data, "sha256")),
        "dataKey": text(public.encrypt(secret, OAEP)),
        "encryptionCertificateId": key.kid,
    }
