// A Bolt app that does what a setup flow does. It prints what it saw, a JSON object a line, and takes commands the same way.
// MODE is http (with the OAuth installer) or socket. Nothing of the SDK is changed but its base URL.
import bolt from "@slack/bolt";
import { createInterface } from "node:readline";

const env = process.env;
const tell = (what, more = {}) => process.stdout.write(`${JSON.stringify({ what, ...more })}\n`);
const clientOptions = { slackApiUrl: `${env.SIMULATOR}/api/`, retryConfig: { retries: 5, minTimeout: 100, maxTimeout: 500 } };
const quiet = { debug(...e) { if (env.DEBUG_SDK) console.error(...e); }, info() {}, warn(...e) { console.error(...e); }, error: (...e) => console.error(...e), setLevel() {}, getLevel: () => "debug", setName() {} };

const installs = new Map();
const installationStore = {
  storeInstallation: async (i) => {
    installs.set(i.team.id, i);
    tell("installed", { team: i.team.id, scopes: i.bot.scopes, bot: i.bot.userId });
  },
  fetchInstallation: async (q) => installs.get(q.teamId),
};

const common = { clientOptions, logger: quiet };
const app =
  env.MODE === "socket"
    ? new bolt.App({ ...common, socketMode: true, appToken: env.APP_TOKEN, token: env.BOT_TOKEN })
    : new bolt.App({
        ...common,
        signingSecret: env.SIGNING_SECRET,
        clientId: env.CLIENT_ID,
        clientSecret: env.CLIENT_SECRET,
        stateSecret: "a-state-secret",
        scopes: env.SCOPES.split(","),
        installationStore,
        installerOptions: { authorizationUrl: `${env.SIMULATOR}/oauth/v2/authorize`, directInstall: true },
      });

app.message(async ({ message, say }) => {
  tell("message", { text: message.text, user: message.user, ts: message.ts });
  if (message.text !== "set up, please") return;
  const button = { type: "button", action_id: "link", text: { type: "plain_text", text: "Link this channel" }, value: "v1" };
  await say({ text: "Which account?", blocks: [{ type: "actions", block_id: "acts", elements: [button] }] });
});

app.action("link", async ({ ack, body, client, respond }) => {
  await ack();
  const block = {
    type: "input",
    block_id: "account",
    label: { type: "plain_text", text: "Account" },
    element: { type: "external_select", action_id: "pick", min_query_length: 1, placeholder: { type: "plain_text", text: "Type a name" } },
  };
  const title = { type: "plain_text", text: "Link" };
  const opened = await client.views.open({ trigger_id: body.trigger_id, view: { type: "modal", callback_id: "setup", title, submit: { type: "plain_text", text: "Save" }, blocks: [block] } });
  await respond({ text: "The form is open", replace_original: false, response_type: "ephemeral" });
  tell("opened", { view: opened.view.id, value: body.actions[0].value });
});

const accounts = ["Acme Corp", "Acme Labs", "Globex"];
app.options("pick", async ({ options, ack }) => {
  const found = accounts.filter((a) => a.toLowerCase().includes(options.value.toLowerCase()));
  await ack({ options: found.map((a) => ({ text: { type: "plain_text", text: a }, value: a })) });
});

app.view("setup", async ({ ack, view, body }) => {
  const account = view.state.values.account.pick.selected_option.value;
  if (account === "Acme Labs") return ack({ response_action: "errors", errors: { account: "That account is closed" } });
  await ack();
  tell("submitted", { account, user: body.user.id });
});

app.error(async (e) => tell("error", { text: String(e) }));

// Commands: what a program asks of the Web API by itself.
const commands = {
  async users({ client }) {
    const ids = new Set();
    let pages = 0;
    for await (const page of client.paginate("users.list", { limit: 40 })) {
      pages += 1;
      for (const u of page.members) ids.add(u.id);
    }
    return { count: ids.size, pages };
  },
  async post({ client }, { channel, text }) {
    const answer = await client.chat.postMessage({ channel, text });
    return { ts: answer.ts };
  },
  async direct({ client }, { user, text }) {
    const dm = await client.conversations.open({ users: user });
    const posted = await client.chat.postMessage({ channel: dm.channel.id, text });
    await client.chat.update({ channel: dm.channel.id, ts: posted.ts, text: `${text} (changed)` });
    return { channel: dm.channel.id };
  },
};

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { do: name, token, ...rest } = JSON.parse(line);
  const client = token ? new (await import("@slack/web-api")).WebClient(token, { ...clientOptions, logger: quiet }) : app.client;
  try {
    tell("done", await commands[name]({ client }, rest));
  } catch (e) {
    tell("failed", { text: e.data?.error ?? String(e) });
  }
}).on("close", () => process.exit(0));

const server = await app.start(0);
tell("ready", { port: server?.address?.().port });
