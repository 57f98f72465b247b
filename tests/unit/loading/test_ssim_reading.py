"""Reading SSIM records: what is read, what is tolerated, and what is an issue."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flightmesh.domain.values import iso_minute
from flightmesh.loading.issues import MAX_KEPT_ISSUES, IssueLog
from flightmesh.loading.lines import MAX_LINE_BYTES, LineSplitter
from flightmesh.loading.ssim_records import parse_ssim


def read(data):
    log = IssueLog()
    return list(parse_ssim([data], log)), log


def test_a_clean_file_gives_its_legs_and_no_issue(ssim):
    records, log = read(ssim.file(ssim.leg(), ssim.leg(number=" 947", onward="XX  9481Z")))
    assert [record.flight_number for record in records] == [946, 947]
    assert log.counts == {}
    onward = records[1].onward
    assert (onward.carrier, onward.flight_number, onward.suffix, onward.layover) == (
        "XX",
        948,
        "Z",
        1,
    )


def test_aircraft_times_are_read_not_passenger_times(ssim, load, legs_of):
    (leg,) = legs_of(load(ssim.file(ssim.leg())))
    assert iso_minute(leg.departure) == "2005-06-14T10:00Z"
    assert iso_minute(leg.arrival) == "2005-06-14T11:30Z"
    assert (leg.departure_offset, leg.arrival_offset) == (120, 120)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_line_ends_bom_zero_lines_and_blank_lines_do_not_matter(ssim, end, bom):
    data = bom + ssim.file(ssim.leg(), end=end)
    data = data.replace(b"\n3", b"\n" + b"0" * 200 + end + end + b"   " + end + b"3")
    records, log = read(data)
    assert len(records) == 1
    assert log.counts == {}


def test_a_file_without_serial_numbers_may_have_its_trailing_blanks_stripped(ssim):
    lines = [ssim.header(), ssim.carrier(), ssim.leg(), ssim.leg(aircraft="   ")]
    records, log = read(b"\n".join(line.rstrip() for line in lines))
    assert [record.aircraft_type for record in records] == ["772", ""]
    assert log.counts == {"SSIM_SERIAL": 4, "SSIM_TRAILER": 1}


def test_a_leg_without_its_mandatory_columns_is_refused_even_without_serial_numbers(ssim):
    lines = [ssim.header(), ssim.carrier(), ssim.leg(), ssim.leg()[:63], ssim.leg()[:74]]
    records, log = read(b"\n".join(line.rstrip() for line in lines))
    assert len(records) == 1
    assert [(issue.line, issue.column) for issue in log.kept if issue.rejected] == [
        (4, 64),
        (5, 75),
    ]
    assert log.counts["SSIM_TRUNCATED"] == 2


def test_serial_numbers_may_or_may_not_count_zero_lines(ssim):
    lines = [ssim.header(), b"0" * 200, b"0" * 200, ssim.carrier(), ssim.leg(), ssim.trailer()]
    for serials in ([1, 2, 3, 4], [1, 4, 5, 6]):
        numbers = iter(serials)
        numbered = [
            line if line[:1] == b"0" else line[:194] + f"{next(numbers):06}".encode()
            for line in lines
        ]
        reference = f"{serials[-1] - 1:06}".encode()
        numbered[-1] = numbered[-1][:187] + reference + numbered[-1][193:]
        assert read(b"\n".join(numbered))[1].counts == {}


def test_serial_numbers_start_again_at_two_after_the_last_one(ssim):
    lines = [ssim.header(), ssim.carrier(), ssim.leg(), ssim.leg()]
    serials = ("999998", "999999", "000002", "000004")
    data = b"\n".join(
        line[:194] + serial.encode() for line, serial in zip(lines, serials, strict=True)
    )
    assert read(data)[1].counts == {"SSIM_SERIAL": 1, "SSIM_TRAILER": 1}


BAD_FIELDS = [
    ({"carrier": "X-X"}, "SSIM_CARRIER", 3),
    ({"number": "    "}, "SSIM_FLIGHT", 6),
    ({"number": "0000"}, "SSIM_FLIGHT", 6),
    ({"suffix": "1"}, "SSIM_FLIGHT", 2),
    ({"variation": "00"}, "SSIM_ITINERARY_ID", 10),
    ({"sequence": "0A"}, "SSIM_ITINERARY_ID", 12),
    ({"service": "7"}, "SSIM_SERVICE_TYPE", 14),
    ({"first": "31JUN05"}, "SSIM_DATE", 15),
    ({"first": "29FEB05"}, "SSIM_DATE", 15),
    ({"first": "14JUX05"}, "SSIM_DATE", 15),
    ({"last": "1JUN05 "}, "SSIM_DATE", 22),
    ({"last": "13JUN05"}, "SSIM_PERIOD", 22),
    ({"last": "14JUN09"}, "SSIM_PERIOD", 22),
    ({"days": "       "}, "SSIM_DAYS", 29),
    ({"days": "2      "}, "SSIM_DAYS", 29),
    ({"frequency": "3"}, "SSIM_FREQUENCY", 36),
    ({"last": "00XXX00", "frequency": "2"}, "SSIM_FREQUENCY", 36),
    ({"origin": "MR "}, "SSIM_STATION", 37),
    ({"destination": "C1G"}, "SSIM_STATION", 55),
    ({"departure": "2400"}, "SSIM_TIME", 44),
    ({"departure": "1060"}, "SSIM_TIME", 44),
    ({"arrival": "2401"}, "SSIM_TIME", 58),
    ({"departure_variation": " 0200"}, "SSIM_VARIATION", 48),
    ({"arrival_variation": "+1500"}, "SSIM_VARIATION", 66),
    ({"aircraft": "7.2"}, "SSIM_AIRCRAFT_TYPE", 73),
]


@pytest.mark.parametrize(("fields", "rule", "column"), BAD_FIELDS)
def test_one_bad_leg_is_an_issue_with_its_place_and_the_others_are_read(ssim, fields, rule, column):
    records, log = read(ssim.file(ssim.leg(), ssim.leg(**fields), ssim.leg(number=" 948")))
    assert [record.flight_number for record in records] == [946, 948]
    (issue,) = log.kept
    assert (issue.line, issue.column, issue.rule) == (12, column, rule)
    assert issue.rejected
    assert issue.message


def test_leap_days_and_year_ends_are_dates(ssim, load, legs_of):
    leap = ssim.leg(first="29FEB04", last="29FEB04", days="      7")
    turn = ssim.leg(number="   1", first="31DEC99", last="01JAN00", days="    56 ")
    days = [leg.day_of_origin for leg in legs_of(load(ssim.file(leap, turn)))]
    assert days == ["1999-12-31", "2000-01-01", "2004-02-29"]


def test_garbage_lines_are_left_out_and_listed(ssim):
    data = ssim.file(ssim.leg(), b"hello" + b" " * 195, b"\x00\x01\x02" * 60, ssim.leg())
    records, log = read(data)
    assert len(records) == 2
    assert log.counts["SSIM_RECORD_TYPE"] == 2
    assert [(issue.line, issue.column) for issue in log.kept[:2]] == [(12, 1), (13, 1)]


def test_a_leg_that_is_cut_off_is_refused(ssim):
    data = ssim.file(ssim.leg(), ssim.leg())
    lines = data.split(b"\r\n")
    for length in (40, 74, 120, 197):
        cut = [*lines[:11], lines[11][:length].rstrip(), *lines[12:]]
        records, log = read(b"\r\n".join(cut))
        assert len(records) == 1
        assert log.kept[0].rule == "SSIM_TRUNCATED"
        assert log.kept[0].line == 12


def test_a_wrong_encoding_is_refused_where_it_is_read_and_noted_elsewhere(ssim):
    bad = ssim.leg(origin="M\xc9S")
    harmless = ssim.leg()[:180] + b"\xe9" + ssim.leg()[181:]
    records, log = read(ssim.file(bad, harmless))
    assert len(records) == 1
    assert [(issue.rule, issue.line, issue.column) for issue in log.kept] == [
        ("SSIM_ENCODING", 11, 38),
        ("SSIM_UNREAD_ENCODING", 12, 181),
    ]


def test_a_file_in_utf_16_gives_issues_and_no_legs(ssim):
    records, log = read(ssim.file(ssim.leg()).decode("ascii").encode("utf-16"))
    assert records == []
    assert log.refuses_strict


def test_legs_without_a_readable_carrier_record_are_refused(ssim):
    lines = [ssim.header(), ssim.leg(), ssim.carrier(), ssim.leg(), ssim.carrier("Q"), ssim.leg()]
    records, log = read(b"\n".join(lines))
    assert [record.line for record in records] == [4]
    refused = [(issue.line, issue.rule) for issue in log.kept if issue.rejected]
    assert refused == [(2, "SSIM_NO_CARRIER"), (5, "SSIM_TIME_MODE"), (6, "SSIM_NO_CARRIER")]


def test_an_open_period_is_the_validity_of_the_block(ssim, load, legs_of):
    leg = ssim.leg(first="00XXX00", last="00XXX00", days="      7")
    days = [leg.day_of_origin for leg in legs_of(load(ssim.file(leg)))]
    assert (days[0], days[-1], len(days)) == ("2005-03-27", "2005-10-23", 31)


def test_code_share_duplicates_are_counted_and_kept_out(ssim, load, legs_of):
    disclosed = ssim.leg(number=" 100", disclosure="L")
    by_segment = ssim.leg(number=" 200")
    operating = ssim.leg(number=" 300")
    plan = load(
        ssim.file(
            disclosed,
            by_segment,
            ssim.segment("127", number=" 200"),
            ssim.segment("050", number=" 200"),
            operating,
            ssim.segment("010", number=" 300"),
        )
    )
    assert [leg.flight_number for leg in legs_of(plan)] == [300]
    assert (plan.code_share_duplicates, plan.items, plan.rejected) == (2, 1, 0)
    assert plan.issue_counts == {"CODE_SHARE": 2}


def test_a_segment_of_another_flight_marks_nothing(ssim):
    records, log = read(ssim.file(ssim.leg(), ssim.segment("050", number=" 200")))
    assert not records[0].code_share
    assert log.counts == {"SSIM_SEGMENT": 1}


def test_blocks_of_several_carriers_and_time_modes_are_read(ssim, load, legs_of):
    local = ssim.leg(carrier="YY", number="   1")
    lines = [ssim.header(), ssim.carrier("U"), ssim.leg(), ssim.trailer()]
    lines += [ssim.carrier("L", "YY"), local, ssim.trailer("YY")]
    first, second = legs_of(load(b"\n".join(lines)))
    assert (first.carrier, iso_minute(first.departure)) == ("YY", "2005-06-14T08:00Z")
    assert (second.carrier, iso_minute(second.departure)) == ("XX", "2005-06-14T10:00Z")


@pytest.mark.parametrize("data", [b"", b"\n\n", b"0" * 200, b"\xef\xbb\xbf"])
def test_an_empty_file_is_an_issue(load, data):
    plan = load(data)
    assert plan.issue_counts == {"FILE_EMPTY": 1}
    assert plan.unusable


def test_a_proper_file_without_a_leg_and_a_file_with_one_good_leg_are_usable(ssim, load):
    assert not load(ssim.file()).unusable
    plan = load(ssim.file(ssim.leg(), b"?"))
    assert "SSIM_RECORD_TYPE" in plan.issue_counts
    assert not plan.unusable


def test_a_hopeless_file_keeps_a_bounded_number_of_issues(load):
    plan = load(b"?\n" * 5000)
    assert plan.issue_counts["SSIM_RECORD_TYPE"] == 5000
    assert plan.unusable
    assert len(plan.issues) == MAX_KEPT_ISSUES
    assert plan.lines_rejected == 5000


def test_strict_mode_refuses_a_file_with_an_error_and_takes_a_clean_one(ssim, load):
    assert not load(ssim.file(ssim.leg()), strict=True).refused
    assert load(ssim.file(ssim.leg(), ssim.leg(days="x")), strict=True).refused
    assert not load(ssim.file(ssim.leg(), ssim.leg(days="x"))).refused


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(1, 50))
def test_no_bytes_stop_the_reader(pieces, size):
    data = b"\n".join(pieces)
    log = IssueLog()
    list(parse_ssim([data[n : n + size] for n in range(0, len(data), size)], log))


@settings(max_examples=60)
@given(
    st.lists(st.text(alphabet="ab\r", max_size=5).map(str.encode), max_size=30),
    st.lists(st.integers(0, 9), max_size=80),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_lines_do_not_depend_on_how_a_file_is_cut(lines, cuts, bom):
    data = bom + b"\n".join(lines)
    whole = LineSplitter()
    expected = whole.feed(data) + whole.finish()
    pieces = LineSplitter()
    got = []
    for cut in cuts:
        got += pieces.feed(data[:cut])
        data = data[cut:]
    assert got + pieces.feed(data) + pieces.finish() == expected


def test_a_line_without_end_is_cut_and_memory_stays_bounded():
    splitter = LineSplitter()
    lines = [line for _ in range(40) for line in splitter.feed(b"x" * 10_000)]
    lines += splitter.feed(b"\nnext\n")
    assert [len(line) for line in lines] == [MAX_LINE_BYTES, 4]
