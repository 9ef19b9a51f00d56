// Drives Microsoft's JavaScript SDKs, the server's and the client's, against the service whose connection string is
// the first argument, and prints what happened as one JSON object. The hub's event handler (test_node_sdks.py)
// echoes the event `echo` and cuts the socket of whoever sends `cut`.
const { WebPubSubServiceClient } = require("@azure/web-pubsub");
const { WebPubSubClient } = require("@azure/web-pubsub-client");

const HUB = "Talk";
const server = new WebPubSubServiceClient(process.argv[2], HUB, { allowInsecureConnection: true });
const ROLES = ["webpubsub.sendToGroup", "webpubsub.joinLeaveGroup"];
const report = {};

async function until(what, done) {
  for (let tries = 0; tries < 1000; tries++) {
    if (await done()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`waited in vain for ${what}`);
}

async function connect(user, protocol, options = {}) {
  const credential = {
    getClientAccessUrl: async () =>
      (await server.getClientAccessToken({ userId: user, roles: options.roles ?? ROLES, groups: options.groups })).url,
  };
  const { jsonProtocol, jsonReliableProtocol } = protocols();
  const client = new WebPubSubClient(credential, {
    protocol: protocol === "reliable" ? jsonReliableProtocol : jsonProtocol,
    messageRetryOptions: { maxRetries: 0 },
    keepAliveIntervalInMs: 50,
  });
  const seen = { client, connected: [], heard: [], disconnected: 0 };
  client.on("connected", (e) => seen.connected.push(e.connectionId));
  client.on("disconnected", () => (seen.disconnected += 1));
  client.on("group-message", (e) => seen.heard.push([e.message.group, plain(e.message.data), e.message.fromUserId ?? null]));
  client.on("server-message", (e) => seen.heard.push(["server", plain(e.message.data), null]));
  await client.start();
  await until("connected", () => seen.connected.length > 0);
  return seen;
}

function protocols() {
  const { WebPubSubJsonProtocol, WebPubSubJsonReliableProtocol } = require("@azure/web-pubsub-client");
  return { jsonProtocol: WebPubSubJsonProtocol(), jsonReliableProtocol: WebPubSubJsonReliableProtocol() };
}

function plain(data) {
  return data instanceof ArrayBuffer ? [...new Uint8Array(data)] : data;
}

async function name_of(failing) {
  try {
    await failing();
    return "no error";
  } catch (error) {
    return error.errorDetail?.name ?? String(error.statusCode ?? error);
  }
}

async function clients(protocol) {
  const alice = await connect("alice", protocol);
  const bob = await connect("bob", protocol);
  await alice.client.joinGroup("g");
  await bob.client.joinGroup("g");
  for (let n = 0; n < 20; n++) await alice.client.sendToGroup("g", { n }, "json", { noEcho: true });
  await bob.client.sendToGroup("g", "text", "text");
  await bob.client.sendToGroup("g", new Uint8Array([0, 255]).buffer, "binary");
  await until("22 messages", () => bob.heard.length === 22);
  await until("2 messages", () => alice.heard.length === 2);
  await alice.client.sendEvent("echo", { a: 1 }, "json");
  await until("the echo", () => alice.heard.length === 3);
  const failing = await name_of(() => alice.client.sendEvent("fail", "x", "text"));
  const twice = await alice.client.sendToGroup("g", "once", "text", { ackId: 4711 });
  const again = await alice.client.sendToGroup("g", "once", "text", { ackId: 4711 });
  await until("one of two", () => bob.heard.length === 23);
  const stranger = await connect("eve", protocol, { roles: [] });
  const refused = await name_of(() => stranger.client.sendToGroup("g", "x", "text"));
  await new Promise((resolve) => setTimeout(resolve, 150)); // pings and pongs
  const result = {
    heard: [alice.heard, bob.heard], failing, refused,
    duplicates: [twice.isDuplicated, again.isDuplicated], disconnected: [alice.disconnected, bob.disconnected],
  };
  for (const one of [alice, bob, stranger]) one.client.stop();
  return result;
}

async function recovery() {
  const alice = await connect("alice", "reliable", { groups: ["r"] });
  for (let n = 0; n < 30; n++) {
    await server.group("r").sendToAll({ n });
    if (n === 10) await alice.client.sendEvent("cut", "now", "text").catch(() => undefined);
  }
  await until("30 messages", () => alice.heard.length === 30);
  const recovered = { heard: alice.heard.map((m) => m[1].n), connected: alice.connected.length };
  await server.closeConnection(alice.connected[0], { reason: "test" });
  await until("a new connection", () => alice.connected.length === 2);
  await server.group("r").sendToAll({ n: "new" });
  await until("a message on it", () => alice.heard.length === 31);
  alice.client.stop();
  return recovered;
}

async function rest() {
  const alice = await connect("al/ice ü", "json");
  const id = alice.connected[0];
  const group = server.group("a b/ü");
  const done = {};
  done.absent = [await server.userExists("x"), await server.groupExists("x"), await server.connectionExists("x")];
  await group.addUser("al/ice ü");
  done.there = [await server.userExists("al/ice ü"), await server.groupExists("a b/ü"), await server.connectionExists(id)];
  const members = [];
  for await (const member of await group.listConnections()) members.push([member.connectionId === id, member.userId]);
  done.members = members;
  await group.sendToAll({ to: "group" });
  await server.sendToAll("all", { contentType: "text/plain" });
  await server.sendToUser("al/ice ü", { to: "user" });
  await server.sendToConnection(id, new Uint8Array([1, 2]).buffer);
  await server.sendToAll({ not: "you" }, { filter: "userId eq 'nobody'" });
  await group.sendToAll({ not: "you" }, { excludedConnections: [id] });
  await group.removeUser("al/ice ü");
  await group.addConnection(id);
  await group.removeConnection(id);
  await server.addConnectionsToGroups(["x", "y"], "userId eq 'al/ice ü'");
  done.bulk = [await server.groupExists("x"), await server.groupExists("y")];
  await server.removeConnectionsFromGroups(["x"], "length(userId) gt 2");
  done.unbulk = [await server.groupExists("x"), await server.groupExists("y")];
  await server.removeConnectionFromAllGroups(id);
  await server.removeUserFromAllGroups("al/ice ü");
  done.left = await server.groupExists("y");
  await server.grantPermission(id, "sendToGroup", { targetName: "g" });
  const granted = await server.hasPermission(id, "sendToGroup", { targetName: "g" });
  await server.revokePermission(id, "sendToGroup", { targetName: "g" });
  done.permission = [granted, await server.hasPermission(id, "sendToGroup", { targetName: "g" })];
  done.badFilter = await name_of(() => server.sendToAll({}, { filter: "nonsense" }));
  await until("4 messages", () => alice.heard.length === 4);
  done.heard = alice.heard;
  await group.closeAllConnections({ reason: "none there" });
  alice.client.stop();
  await until("gone", async () => !(await server.userExists("al/ice ü")));
  await server.closeUserConnections("nobody");
  await server.closeAllConnections();
  return done;
}

(async () => {
  report.json = await clients("json");
  report.reliable = await clients("reliable");
  report.recovery = await recovery();
  report.rest = await rest();
  console.log(JSON.stringify(report));
  process.exit(0);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
