"use strict";
// The first page: schedules with their findings, and the findings of one. All data come from the
// REST API; the address's fragment says which findings are shown, so links and "back" work.

const KINDS = ["continuity", "ground_time", "designator", "airplane_overlap", "aircraft_type", "unknown_airplane"];
const byId = (id) => document.getElementById(id);
const words = (name) => name.replaceAll("_", " ");
const minute = (instant) => (instant ? instant.slice(0, 16).replace("T", " ") : "");
const grouped = (number) => Number(number || 0).toLocaleString("en");

let asked = 0; // counts the questions for findings: an answer to an older one is dropped
let nextPage = "";
let summary = "";

function say(text, isError) {
  const status = byId("status");
  status.textContent = text;
  status.className = isError ? "error" : "quiet";
}

function element(name, className, ...content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

// A cell knows its column's name, which narrow screens show before the content. The roles keep it a
// table for screen readers there, where the style sheet lays it out as blocks.
function cell(label, className, ...content) {
  const td = element("td", className, ...content);
  td.setAttribute("role", "cell");
  td.dataset.label = label;
  return td;
}

function row(...cells) {
  const tr = element("tr", "", ...cells);
  tr.setAttribute("role", "row");
  return tr;
}

async function read(path) {
  const answer = await fetch(path, { headers: { accept: "application/json" } });
  const document_ = await answer.json();
  if (!answer.ok) throw new Error(document_.detail || answer.statusText);
  return document_;
}

function total(totals) {
  return KINDS.reduce((sum, kind) => sum + Number((totals || {})[kind] || 0), 0);
}

function chosen() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  return { schedule: parameters.get("schedule") || "", kind: parameters.get("kind") || "" };
}

function linkTo(schedule, kind, text) {
  const link = element("a", "", text);
  link.href = "#" + new URLSearchParams(kind ? { schedule, kind } : { schedule });
  return link;
}

function kindLinks(schedule, totals) {
  const list = element("ul", "choices");
  for (const kind of KINDS.filter((name) => Number((totals || {})[name]))) {
    list.append(element("li", "", linkTo(schedule, kind, `${words(kind)} ${grouped(totals[kind])}`)));
  }
  return list;
}

function scheduleRow(one) {
  const count = total(one.findings);
  const found = cell("Findings", "");
  if (count) found.append(element("span", "finding", grouped(count)), kindLinks(one.schedule, one.findings));
  else found.append("none");
  const name = cell("Schedule", "", linkTo(one.schedule, "", one.schedule));
  if (one.title) name.append(element("div", "quiet", one.title));
  return row(
    name,
    cell("Legs", "number", grouped(one.legs)),
    cell("Rotations", "number", grouped(one.rotations)),
    cell("Airplanes", "number", grouped(one.airplanes)),
    cell("From (UTC)", "time", minute(one.first_departure) || "–"),
    cell("To (UTC)", "time", minute(one.last_arrival) || "–"),
    found,
  );
}

async function showSchedules() {
  const { schedules } = await read("/v1/schedules");
  byId("schedule-rows").replaceChildren(...schedules.map(scheduleRow));
  const one = schedules.length === 1;
  summary = schedules.length ? `${schedules.length} ${one ? "schedule" : "schedules"}` : "There are no schedules yet.";
  say(summary);
}

function legText(placed) {
  const leg = placed.leg || {};
  const [departure, arrival] = [minute(leg.departure_time), minute(leg.arrival_time)];
  const sameDay = departure.slice(0, 10) === arrival.slice(0, 10);
  const end = sameDay ? arrival.slice(11) : arrival;
  return `${leg.carrier}${leg.flight_number}${leg.suffix} ${leg.departure_airport}–${leg.arrival_airport} ${departure} – ${end}`;
}

function findingRow(finding) {
  const message = cell("Finding", "", finding.message);
  if (finding.reference) message.append(element("div", "quiet", finding.reference));
  const legs = finding.legs.map((placed) => element("div", "", legText(placed)));
  return row(
    cell("Kind", "", element("span", "finding", words(finding.kind.replace("FINDING_KIND_", "").toLowerCase()))),
    message,
    cell("Legs (UTC)", "", ...legs),
    cell("Airplane", "", finding.registration || "–"),
    cell("Airport", "", finding.airport || "–"),
  );
}

function showKinds(schedule, kind, totals) {
  const choices = [["", `all ${grouped(total(totals))}`], ...KINDS.map((name) => [name, `${words(name)} ${grouped((totals || {})[name])}`])];
  byId("kinds").replaceChildren(...choices.map(([value, text]) => {
    const link = linkTo(schedule, value, text);
    if (value === kind) link.setAttribute("aria-current", "true");
    return element("li", "", link);
  }));
}

async function showFindings(page) {
  const { schedule, kind } = chosen();
  const question = ++asked;
  byId("findings").hidden = !schedule;
  document.title = schedule ? `Flightmesh: findings of ${schedule}` : "Flightmesh: schedules";
  if (!schedule) return;
  const parameters = new URLSearchParams({ page_size: "100" });
  if (kind) parameters.set("kind", kind);
  if (page) parameters.set("page_token", page);
  const path = `/v1/schedules/${encodeURIComponent(schedule)}/findings?${parameters}`;
  const answer = await read(path).catch((error) => {
    if (question === asked) byId("findings").hidden = true;
    throw error;
  });
  if (question !== asked) return;
  say(summary);
  byId("findings-title").textContent = `Findings of ${schedule}`;
  showKinds(schedule, kind, answer.totals);
  const rows = answer.findings.map(findingRow);
  if (page) byId("finding-rows").append(...rows);
  else byId("finding-rows").replaceChildren(...rows);
  nextPage = answer.next_page_token;
  byId("more").hidden = !nextPage;
  const shown = byId("finding-rows").children.length;
  const all = kind ? Number((answer.totals || {})[kind] || 0) : total(answer.totals);
  byId("shown").textContent = all ? `${grouped(shown)} of ${grouped(all)} shown` : "No findings.";
  // The keyboard goes on where the reader is: at the heading, or at the first of the new rows.
  if (!page) byId("findings-title").focus();
  else if (rows.length) focusRow(rows[0]);
}

function focusRow(tr) {
  tr.tabIndex = -1;
  tr.focus();
}

function attempt(task) {
  task.catch((error) => say(error.message, true));
}

// A fragment without a schedule is that of the skip link.
addEventListener("hashchange", () => {
  if (location.hash !== "#schedules") attempt(showFindings(""));
});
byId("more").addEventListener("click", () => attempt(showFindings(nextPage)));
attempt(showSchedules().then(() => showFindings("")));
