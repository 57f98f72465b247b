"use strict";
// The human form of /openapi.json: operations by service, then problems, then schemas.

const byId = (id) => document.getElementById(id);

function element(name, attributes, ...content) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  made.append(...content);
  return made;
}

// Text in which `this` is code.
function inline(text) {
  return (text || "").split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

function resolve(document_, item) {
  if (!item || !item.$ref) return item;
  return item.$ref.slice(2).split("/").reduce((node, key) => node[key], document_);
}

function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return element("a", { href: `#schema-${name}` }, name);
  }
  if (schema.type === "array") return element("span", {}, "array of ", typeOf(schema.items));
  if (schema.additionalProperties) return element("span", {}, "map to ", typeOf(schema.additionalProperties));
  return element("code", {}, [schema.type, schema.format && `(${schema.format})`].filter(Boolean).join(" "));
}

function table(heads, rows) {
  const head = element("tr", { role: "row" }, ...heads.map((text) => element("th", { role: "columnheader", scope: "col" }, text)));
  const cell = (content, index) => element("td", { role: "cell", "data-label": heads[index] }, content || "");
  const body = rows.map((row) => element("tr", { role: "row" }, ...row.map(cell)));
  const parts = [element("thead", { role: "rowgroup" }, head), element("tbody", { role: "rowgroup" }, ...body)];
  return element("table", { role: "table", class: "stacked" }, ...parts);
}

function parameters(document_, operation) {
  const rows = operation.parameters.map((item) => resolve(document_, item)).map((one) => [
    element("code", {}, one.name), one.in + (one.required ? ", required" : ""), typeOf(one.schema), element("span", {}, ...inline(one.description)),
  ]);
  return table(["Parameter", "In", "Type", "Meaning"], rows);
}

function body(operation) {
  const media = operation.requestBody.content["application/json"];
  const parts = [element("h3", {}, "Body"), element("p", {}, typeOf(media.schema), ". ", ...inline(operation.requestBody.description))];
  if (media.example) parts.push(element("pre", { tabindex: "0" }, JSON.stringify(media.example, null, 2)));
  return parts;
}

function responses(document_, operation) {
  const rows = Object.entries(operation.responses).map(([status, item]) => {
    const one = resolve(document_, item);
    const media = Object.values(one.content || {})[0];
    const headers = Object.keys(one.headers || {}).join(", ");
    return [status, element("span", {}, ...inline(one.description)), media ? typeOf(media.schema) : "", headers];
  });
  return table(["Status", "Meaning", "Body", "Headers"], rows);
}

function operationDetails(document_, method, path, operation) {
  const parts = [
    element("summary", {}, element("span", { class: "method" }, method.toUpperCase()), element("code", {}, path), " ", operation.summary),
    element("p", {}, ...inline(operation.description)),
    element("p", { class: "quiet" }, "gRPC: ", element("code", {}, operation["x-grpc-method"])),
    parameters(document_, operation),
  ];
  if (operation.requestBody) parts.push(...body(operation));
  parts.push(element("h3", {}, "Answers"), responses(document_, operation));
  return element("details", { id: `operation-${operation.operationId}` }, ...parts);
}

function service(document_, tag) {
  const section = element("section", { id: `service-${tag.name}` }, element("h2", {}, tag.name), element("p", {}, ...inline(tag.description)));
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (operation.tags[0] === tag.name) section.append(operationDetails(document_, method, path, operation));
    }
  }
  return section;
}

function schema(name, one) {
  const parts = [element("summary", {}, element("code", {}, name)), element("p", {}, ...inline(one.description))];
  if (one.enum) parts.push(element("ul", {}, ...one.enum.map((value) => element("li", {}, element("code", {}, value)))));
  if (one.properties) {
    const rows = Object.entries(one.properties).map(([field, property]) => [element("code", {}, field), typeOf(property), element("span", {}, ...inline(property.description))]);
    parts.push(table(["Field", "Type", "Meaning"], rows));
  }
  return element("details", { id: `schema-${name}` }, ...parts);
}

function openTarget() {
  const target = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.tagName === "DETAILS") target.open = true;
  target.scrollIntoView();
}

async function show() {
  const answer = await fetch("/openapi.json");
  if (!answer.ok) throw new Error(answer.statusText);
  const document_ = await answer.json();
  const paragraphs = document_.info.description.split("\n\n").map((text) => element("p", {}, ...inline(text)));
  byId("introduction").append(...paragraphs);
  const links = [...document_.tags.map((tag) => [`service-${tag.name}`, tag.name]), ["schemas", "Schemas"]];
  byId("contents").append(element("ul", {}, ...links.map(([id, text]) => element("li", {}, element("a", { href: `#${id}` }, text)))));
  byId("content").append(...document_.tags.map((tag) => service(document_, tag)));
  const schemas = Object.entries(document_.components.schemas).map(([name, one]) => schema(name, one));
  byId("content").append(element("section", { id: "schemas" }, element("h2", {}, "Schemas"), ...schemas));
  byId("status").textContent = `Version ${document_.info.version}`;
  openTarget();
}

addEventListener("hashchange", openTarget);
show().catch((error) => {
  byId("status").textContent = error.message;
  byId("status").className = "error";
});
