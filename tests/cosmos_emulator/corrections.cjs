"use strict";
// @vercel/cosmosdb-server keeps documents in memory and speaks the REST protocol of Azure Cosmos DB. Where it differs
// from the service in what our adapter relies on, this file replaces its request handlers, in the same process.
//
// A handler is `(account, request, response, {dbId, collId, docId}) => body`; it sets `response.statusCode`.

const path = require("path");

const PACKAGE = path.dirname(require.resolve("@vercel/cosmosdb-server/package.json"));
const lib = (file) => require(path.join(PACKAGE, "lib", file));

const readJson = lib("json").default;
const readItems = lib("handler/_read-items").default;
const operations = lib("handler/_document-operations");
const { patchOperation } = lib("handler/_patch-operations");
const { parsePartitionKey } = lib("utils/get-partition-from-header");

const PARTITION_KEY = "x-ms-documentdb-partitionkey";
const CROSS_PARTITION = "x-ms-documentdb-query-enablecrosspartition";
const MAX_BATCH_OPERATIONS = 100;
const MAX_BYTES = 2 * 1024 * 1024;

class TooLarge extends Error {
  statusCode = 413;
  message = "Request size is too large";
}

const collectionOf = (account, params) => account.database(params.dbId).collection(params.collId);

function refuse(response, status, message) {
  response.statusCode = status;
  return { code: { 404: "NotFound", 413: "RequestEntityTooLarge" }[status] || "BadRequest", message };
}

const notFound = (response) => refuse(response, 404, "Entity with the specified id does not exist in the system.");

/** Time to live: the package stores `ttl` and forgets about it. */
function removeExpired(collection) {
  const { defaultTtl } = collection.read();
  if (defaultTtl === undefined || defaultTtl === null) return;
  const now = Date.now() / 1000;
  for (const document of [...collection.documents._data.values()].map((held) => held.read())) {
    const ttl = document.ttl ?? defaultTtl;
    if (ttl > 0 && document._ts + ttl <= now) {
      collection.documents.delete(document.id, collection.documents._getPartition(document));
    }
  }
}

/** No document above 2 MB, whichever way it grows. */
const Documents = lib("account/documents").default;
for (const method of ["create", "replace"]) {
  const original = Documents.prototype[method];
  Documents.prototype[method] = function (document, ...rest) {
    if (Buffer.byteLength(JSON.stringify(document)) > MAX_BYTES) throw new TooLarge();
    return original.call(this, document, ...rest);
  };
}

/** Put `correct(original, account, request, response, params)` in a handler's place, after a sweep. */
function replaceHandler(name, correct) {
  const handler = lib(`handler/${name}`);
  const original = handler.default;
  handler.default = async (account, request, response, params) => {
    const collection = collectionOf(account, params);
    if (!collection.read()) return notFound(response);
    removeExpired(collection);
    try {
      return await correct(original, account, request, response, params);
    } catch (error) {
      if (error instanceof TooLarge) return refuse(response, error.statusCode, error.message);
      throw error;
    }
  };
}

/** A missing document is a 404, not a 500; an unchanged one a 304. */
replaceHandler("read-document", (_original, account, request, response, params) => {
  const partition = parsePartitionKey(request.headers[PARTITION_KEY], params.docId);
  const found = collectionOf(account, params).document(params.docId, partition).read();
  if (!found) return notFound(response);
  const known = request.headers["if-none-match"];
  if (known && known === found._etag) {
    response.statusCode = 304;
    return {};
  }
  return found;
});

/** A composite index serves its order and the reverse of it; the package knows only the one. */
function withReversedIndexes(collection) {
  const reverse = (index) => ({ ...index, order: index.order === "descending" ? "ascending" : "descending" });
  const meta = collection.read();
  const declared = (meta.indexingPolicy || {}).compositeIndexes || [];
  const compositeIndexes = [...declared, ...declared.map((indexes) => indexes.map(reverse))];
  const view = Object.create(collection);
  view.read = () => ({ ...meta, indexingPolicy: { ...meta.indexingPolicy, compositeIndexes } });
  return view;
}

/** The service refuses to order by what it does not index; the package would sort it. `id` and `_ts` always are. */
function unindexedOrder(collection, sql) {
  const clause = /\border\s+by\s+(.*)$/is.exec(sql);
  if (!clause) return null;
  const included = ((collection.read().indexingPolicy || {}).includedPaths || [{ path: "/*" }]).map((each) => each.path);
  const members = [...clause[1].matchAll(/c\.(\w+)/g)].map((match) => match[1]);
  return members.find(
    (member) => !["id", "_ts"].includes(member) && !included.includes("/*") && !included.includes(`/${member}/?`),
  );
}

/** The SDK's read of many items, `(c.id = @param_id0 AND c.pk = @param_pk00) OR …`: the package parses it for seconds. */
function readMany(documents, { query, parameters }) {
  if (!/^SELECT \* FROM c WHERE \( \( c\.id = @param_id0 AND c\.pk = @param_pk00 \)/.test(query)) return null;
  const values = parameters.map((parameter) => parameter.value);
  const keys = values.filter((_, index) => index % 2 === 0).map((id, index) => [id, values[2 * index + 1]]);
  const found = keys.map(([id, partition]) => documents._item("/id", id, partition).read()).filter(Boolean);
  return { result: found };
}

/** A query with a partition key sees that partition alone; the package looks through all. */
replaceHandler("query-documents", (_original, account, request, response, params) =>
  readItems(request, response, "Documents", async (page) => {
    const collection = collectionOf(account, params);
    const { documents } = collection;
    const body = await readJson(request);
    const unindexed = unindexedOrder(collection, body.query);
    if (unindexed) return refuse(response, 400, `The order by item /${unindexed} is not indexed.`);
    const header = request.headers[PARTITION_KEY];
    const view = Object.create(documents);
    view._parent = withReversedIndexes(collection);
    if (header && header !== "[{}]") {
      const [partition] = JSON.parse(header);
      view._data = new Map([...documents._data].filter(([, held]) => documents._getPartition(held.read()) === partition));
    } else if (String(request.headers[CROSS_PARTITION]).toLowerCase() !== "true") {
      return refuse(response, 400, "Cross partition query is required but disabled.");
    }
    try {
      return readMany(documents, body) || view.query(body, page);
    } catch (error) {
      if (error.badRequest) return refuse(response, 400, error.message);
      throw error;
    }
  }),
);

/** A patch changes members of objects that are there; the package puts the others at the top. */
function patchOrRefuse(collection, input) {
  const document = collection.document(input.id, parsePartitionKey(input.partitionKey, input.id)).read();
  for (const { path: pointer } of document ? input.operations : []) {
    const parents = pointer.slice(1).split("/").slice(0, -1);
    const names = parents.map((name) => name.replace(/~1/g, "/").replace(/~0/g, "~")); // RFC 6901
    const parent = names.reduce((at, name) => at?.[name], document);
    if (typeof parent !== "object" || parent === null) {
      return { statusCode: 400, body: { code: "BadRequest", message: `There is no object for ${pointer}` } };
    }
  }
  return patchOperation(collection, input);
}

function runOrRefuse(run, collection, input) {
  try {
    return run(collection, input);
  } catch (error) {
    if (error instanceof TooLarge) return { statusCode: error.statusCode };
    throw error;
  }
}

/** One operation of a batch: `{statusCode, body}`. */
function runOperation(collection, partition, operation) {
  const input = { ...operation, partitionKey: JSON.stringify([partition]) };
  const { operationType: type, resourceBody: body } = operation;
  if (type === "Patch") {
    return runOrRefuse(patchOrRefuse, collection, { ...input, operations: body.operations, condition: body.condition });
  }
  if (body && collection.documents._getPartition(body) !== partition) return { statusCode: 400 };
  const exists = collection.document(operation.id ?? body.id, partition).read() !== undefined;
  if (type === "Replace" && !exists) return { statusCode: 404 };
  const run = operations[`${type.toLowerCase()}Operation`];
  if (!run) return { statusCode: 400 };
  const result = runOrRefuse(run, collection, input);
  if (type === "Upsert" && result.statusCode < 300) result.statusCode = exists ? 200 : 201;
  return result;
}

/** A batch is all or nothing, and says which operation failed; the package keeps what came before it. */
replaceHandler("batch-documents", async (_original, account, request, response, params) => {
  const collection = collectionOf(account, params);
  const { documents } = collection;
  const batch = await readJson(request);
  if (!Array.isArray(batch) || batch.length > MAX_BATCH_OPERATIONS) {
    return refuse(response, 400, "Batch request has more operations than what is supported.");
  }
  const [partition] = JSON.parse(request.headers[PARTITION_KEY]);
  const before = [new Map(documents._data), new Map(documents._index)];
  const results = [];
  for (const operation of batch) {
    const { statusCode, body } = runOperation(collection, partition, operation);
    if (statusCode >= 400) {
      [documents._data, documents._index] = before;
      response.statusCode = 207;
      const failed = results.length;
      return batch.map((_, index) => ({ statusCode: index === failed ? statusCode : 424, requestCharge: 0 }));
    }
    results.push({ statusCode, requestCharge: 1, eTag: body && body._etag, resourceBody: body });
  }
  return results;
});

replaceHandler("patch-document", async (_original, account, request, response, params) => {
  const body = await readJson(request);
  const result = patchOrRefuse(collectionOf(account, params), {
    id: params.docId,
    partitionKey: request.headers[PARTITION_KEY],
    ifMatch: request.headers["if-match"],
    operations: Array.isArray(body) ? body : body.operations,
    condition: body.condition,
  });
  response.statusCode = result.statusCode;
  return result.body;
});

for (const name of ["create-document", "replace-document", "upsert-document", "delete-document", "read-documents"]) {
  replaceHandler(name, (original, ...rest) => original(...rest));
}

module.exports = { createHttpServer: lib("index.js").createHttpServer, MAX_BYTES };
