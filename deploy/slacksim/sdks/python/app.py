"""slack_sdk as an app that does what a setup flow does, over Socket Mode. It prints what it saw, a JSON object a line, and takes
commands the same way. Nothing of the SDK is changed but its base URL."""

import json
import os
import sys
import threading

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import ConnectionErrorRetryHandler, RateLimitErrorRetryHandler
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse

BASE = os.environ["SIMULATOR"] + "/api/"
lock = threading.Lock()


def tell(what, **more):
    with lock:
        print(json.dumps({"what": what, **more}), flush=True)


def web(token):
    return WebClient(token=token, base_url=BASE, retry_handlers=[ConnectionErrorRetryHandler(), RateLimitErrorRetryHandler(max_retry_count=3)])


bot = web(os.environ["BOT_TOKEN"])
ACCOUNTS = ["Acme Corp", "Acme Labs", "Globex"]


def plain(text):
    return {"type": "plain_text", "text": text}


def on_event(event):
    if event["type"] != "message" or event.get("bot_id"):
        return
    tell("message", text=event["text"], user=event["user"], ts=event["ts"])
    if event["text"] == "set up, please":
        button = {"type": "button", "action_id": "link", "text": plain("Link this channel"), "value": "v1"}
        bot.chat_postMessage(channel=event["channel"], text="Which account?", blocks=[{"type": "actions", "block_id": "acts", "elements": [button]}])


def on_press(payload):
    select = {"type": "external_select", "action_id": "pick", "min_query_length": 1, "placeholder": plain("Type a name")}
    block = {"type": "input", "block_id": "account", "label": plain("Account"), "element": select}
    view = {"type": "modal", "callback_id": "setup", "title": plain("Link"), "submit": plain("Save"), "blocks": [block]}
    opened = bot.views_open(trigger_id=payload["trigger_id"], view=view)
    from slack_sdk.webhook import WebhookClient

    WebhookClient(payload["response_url"]).send(text="The form is open", replace_original=False, response_type="ephemeral")
    tell("opened", view=opened["view"]["id"], value=payload["actions"][0]["value"])


def on_suggestion(payload):
    found = [a for a in ACCOUNTS if payload["value"].lower() in a.lower()]
    return {"options": [{"text": plain(a), "value": a} for a in found]}


def on_submission(payload):
    account = payload["view"]["state"]["values"]["account"]["pick"]["selected_option"]["value"]
    if account == "Acme Labs":
        return {"response_action": "errors", "errors": {"account": "That account is closed"}}
    tell("submitted", account=account, user=payload["user"]["id"])
    return None


def on_envelope(client, request):
    kind = request.payload.get("type")
    answer = None
    if kind == "block_suggestion":
        answer = on_suggestion(request.payload)
    elif kind == "view_submission":
        answer = on_submission(request.payload)
    client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id, payload=answer))
    if request.type == "events_api":
        on_event(request.payload["event"])
    elif kind == "block_actions":
        on_press(request.payload)


def users(api, _):
    ids, pages = set(), 0
    for page in api.users_list(limit=40):
        pages += 1
        ids.update(u["id"] for u in page["members"])
    return {"count": len(ids), "pages": pages}


def post(api, command):
    return {"ts": api.chat_postMessage(channel=command["channel"], text=command["text"])["ts"]}


def direct(api, command):
    channel = api.conversations_open(users=command["user"])["channel"]["id"]
    posted = api.chat_postMessage(channel=channel, text=command["text"])
    api.chat_update(channel=channel, ts=posted["ts"], text=command["text"] + " (changed)")
    return {"channel": channel}


def install(api, command):
    from slack_sdk.oauth import AuthorizeUrlGenerator

    if "code" not in command:
        url = AuthorizeUrlGenerator(client_id=os.environ["CLIENT_ID"], scopes=os.environ["SCOPES"].split(","), redirect_uri=command["redirect"], authorization_url=os.environ["SIMULATOR"] + "/oauth/v2/authorize")
        return {"url": url.generate(state="a-state")}
    got = api.oauth_v2_access(client_id=os.environ["CLIENT_ID"], client_secret=os.environ["CLIENT_SECRET"], code=command["code"], redirect_uri=command["redirect"])
    return {"team": got["team"]["id"], "scope": got["scope"], "works": web(got["access_token"]).auth_test()["ok"]}


COMMANDS = {"users": users, "post": post, "direct": direct, "install": install}


def main():
    if os.environ.get("MODE") == "socket":
        client = SocketModeClient(app_token=os.environ["APP_TOKEN"], web_client=web(None), ping_interval=2)
        client.socket_mode_request_listeners.append(on_envelope)
        client.connect()
    tell("ready")
    for line in sys.stdin:
        command = json.loads(line)
        try:
            tell("done", **COMMANDS[command["do"]](web(command.get("token")), command))
        except SlackApiError as e:
            tell("failed", text=e.response["error"])
        except Exception as e:  # noqa: BLE001 - the test is told of anything
            tell("failed", text=repr(e))


main()
