"""The validation handshake: a new subscription's URLs must echo a token before anything is sent to them."""

import uuid

import requests

from sandbox.graph.problems import Problem

DEADLINE = 10


def shake_hands(url: str) -> None:
    """Return when the URL answered 200 text/plain with the token. Raises Problem 400 with what it did instead."""
    token = f"Validation: Testing client application reachability for subscription Request-Id: {uuid.uuid4()}"
    failure = echo_failure(url, token)
    if failure:
        raise Problem(400, "ValidationError", f"Subscription validation request failed for {url}. {failure}")


def echo_failure(url: str, token: str) -> str | None:
    try:
        answer = requests.post(
            url,
            params={"validationToken": token},
            headers={"Content-Type": "text/plain; charset=utf-8"},
            timeout=DEADLINE,
            allow_redirects=False,
        )
    except requests.Timeout:
        return f"The endpoint did not answer within {DEADLINE} seconds."
    except requests.RequestException as error:
        return f"The endpoint could not be reached: {type(error).__name__}."
    if answer.status_code != 200:
        return f"Must respond with 200 OK to the validation request; responded {answer.status_code}."
    if answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "text/plain":
        return "Must respond with content type text/plain."
    return None if answer.text == token else "The validation token in the response does not match."
