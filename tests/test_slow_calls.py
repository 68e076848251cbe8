"""What counts as a slow call, by its name alone."""

from __future__ import annotations

import pytest

from sqla_lint.slow_calls import is_slow

SLOW = [
    ("time.sleep", False),
    ("requests.get", False),
    ("requests.Session.post", True),
    ("httpx.AsyncClient.stream", True),
    ("aiohttp.ClientSession.get", True),
    ("urllib.request.urlopen", False),
    ("subprocess.run", False),
    ("subprocess.Popen.communicate", True),
    ("smtplib.SMTP", False),
    ("smtplib.SMTP_SSL.sendmail", True),
    ("openai.OpenAI.chat.completions.create", True),
    ("openai.ChatCompletion.create", False),
    ("anthropic.Anthropic.messages.create", True),
    ("boto3.client.put_object", True),
    ("boto3.resource.Bucket.upload_file", True),
    ("google.cloud.storage.Client.get_bucket", True),
]
QUICK = [
    ("time.monotonic", False),
    ("requests.Session", False),
    ("requests.Request", False),
    ("requests.exceptions.HTTPError", False),
    ("requests.Session.headers.get", True),
    ("httpx.Client", False),
    ("aiohttp.web.json_response", False),
    ("aiohttp.ClientTimeout", False),
    ("urllib.parse.quote", False),
    ("urllib.request.Request", False),
    ("subprocess.list2cmdline", False),
    ("boto3.client", False),
    ("boto3.client.generate_presigned_url", True),
    ("boto3.resource.Bucket", True),
    ("openai.OpenAI", False),
    ("openai.OpenAI.with_options", True),
]


@pytest.mark.parametrize(("name", "called"), SLOW)
def test_waits(name: str, called: bool) -> None:
    assert is_slow(name, called, has_arguments=True)


@pytest.mark.parametrize(("name", "called"), QUICK)
def test_does_not_wait(name: str, called: bool) -> None:
    assert not is_slow(name, called, has_arguments=True)


def test_connects_only_to_a_host() -> None:
    assert not is_slow("smtplib.SMTP", False, has_arguments=False)


def test_the_configuration_names_callables_and_modules() -> None:
    slow = ("vendor.ask", "slowlib")
    assert is_slow("vendor.ask", False, has_arguments=True, configured=slow)
    assert is_slow("slowlib.Client.go", True, has_arguments=False, configured=slow)
    assert not is_slow("slowlib.Client", False, has_arguments=False, configured=slow)
    assert not is_slow("vendor.other", False, has_arguments=True, configured=slow)
    assert not is_slow("slowlibrary.go", False, has_arguments=True, configured=slow)
