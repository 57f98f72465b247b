"use strict";
// The first page: schedules, and the findings of one. All data come from the REST API.

const KINDS = ["continuity", "ground_time", "designator", "airplane_overlap", "aircraft_type", "unknown_airplane"];
const byId = (id) => document.getElementById(id);
const words = (name) => name.replaceAll("_", " ");
const minute = (instant) => (instant ? instant.slice(0, 16).replace("T", " ") : "");

let asked = 0; // counts the questions for findings: an answer to an older one is dropped
let nextPage = "";

function say(text, isError) {
  const status = byId("status");
  status.textContent = text;
  status.className = isError ? "error" : "quiet";
}

function cell(content, isNumber) {
  const td = document.createElement("td");
  td.append(content);
  if (isNumber) td.className = "number";
  return td;
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

function choose(schedule, kind) {
  const parameters = new URLSearchParams({ schedule });
  if (kind) parameters.set("kind", kind);
  location.hash = parameters.toString();
}

async function showSchedules() {
  const { schedules, position } = await read("/v1/schedules");
  const rows = (schedules || []).map((one) => {
    const tr = document.createElement("tr");
    const link = document.createElement("a");
    link.href = "#" + new URLSearchParams({ schedule: one.schedule });
    link.textContent = one.schedule;
    const findings = total(one.findings);
    const count = cell(String(findings), true);
    if (findings) count.classList.add("finding");
    tr.append(cell(link), cell(one.title), cell(one.rotations, true), cell(one.legs, true),
      cell(one.airplanes, true), cell(one.airports, true), cell(minute(one.first_departure)),
      cell(minute(one.last_arrival)), count);
    return tr;
  });
  byId("schedule-rows").replaceChildren(...rows);
  say(rows.length ? `${rows.length} schedule(s), position ${position || "0"}` : "There are no schedules yet.");
}

function legText(placed) {
  const leg = placed.leg || {};
  return `${leg.carrier}${leg.flight_number}${leg.suffix} ${leg.departure_airport} ${minute(leg.departure_time)} – ${leg.arrival_airport} ${minute(leg.arrival_time)}`;
}

function findingRow(finding) {
  const tr = document.createElement("tr");
  const kind = cell(words(finding.kind.replace("FINDING_KIND_", "").toLowerCase()));
  kind.className = "finding";
  const legs = document.createElement("div");
  for (const placed of finding.legs) {
    const line = document.createElement("div");
    line.textContent = legText(placed);
    legs.append(line);
  }
  tr.append(kind, cell(finding.message), cell(legs), cell(finding.registration), cell(finding.airport), cell(finding.reference));
  return tr;
}

async function showFindings(page) {
  const { schedule, kind } = chosen();
  byId("findings").hidden = !schedule;
  if (!schedule) return;
  const question = ++asked;
  const parameters = new URLSearchParams({ page_size: "100" });
  if (kind) parameters.set("kind", kind);
  if (page) parameters.set("page_token", page);
  const answer = await read(`/v1/schedules/${encodeURIComponent(schedule)}/findings?${parameters}`);
  if (question !== asked) return;
  byId("kind").value = kind;
  byId("findings-title").textContent = `Findings of ${schedule}`;
  byId("findings-caption").textContent = KINDS.map((name) => `${words(name)} ${(answer.totals || {})[name] || 0}`).join(", ");
  const rows = answer.findings.map(findingRow);
  if (page) byId("finding-rows").append(...rows);
  else byId("finding-rows").replaceChildren(...rows);
  nextPage = answer.next_page_token;
  byId("more").hidden = !nextPage;
}

function attempt(task) {
  task.catch((error) => say(error.message, true));
}

for (const [value, text] of [["", "all"], ...KINDS.map((kind) => [kind, words(kind)])]) {
  const option = document.createElement("option");
  option.value = value;
  option.textContent = text;
  byId("kind").append(option);
}
byId("kind").addEventListener("change", () => choose(chosen().schedule, byId("kind").value));
byId("more").addEventListener("click", () => attempt(showFindings(nextPage)));
addEventListener("hashchange", () => attempt(showFindings("")));
attempt(showSchedules());
attempt(showFindings(""));
