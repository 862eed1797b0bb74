/* SPDX-License-Identifier: BSD-3-Clause */
#include "lifetime.h"

#include <stdatomic.h>
#include <time.h>

#include "clock.h"
#include "counters.h"

/* RFC 4303 3.3.3: the number on the wire must not cycle. */
#define SEQUENCE_LAST ((uint64_t)UINT32_MAX)
/* With ESN, so far from the end of 64 bits that workers that overshoot cannot wrap it. */
#define SEQUENCE_LAST_ESN (UINT64_MAX - (UINT64_C(1) << 20))

/* No gateway is faster: 400 Gbit/s, or 200 million packets a second. */
#define BYTES_PER_NS_MAX 50
#define NS_PER_PACKET_MIN 5

/* How late the first use of an SA may be noticed. */
#define FIRST_USE_NS SECOND_NS

uint64_t
lifetime_last_sequence(bool esn)
{
	return esn ? SEQUENCE_LAST_ESN : SEQUENCE_LAST;
}

static uint64_t
add_saturated(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t
multiply_saturated(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

static uint64_t
smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What a limit leaves beyond what was used up; without a limit, everything. */
static uint64_t
left(uint64_t limit, uint64_t used)
{
	if (limit == 0)
		return UINT64_MAX;
	return limit > used ? limit - used : 0;
}

/* The same for what passes here. A past can be less than nothing: see sa_set_past(). */
static uint64_t
left_here(uint64_t limit, uint64_t past)
{
	if ((int64_t)past >= 0 || limit == 0)
		return left(limit, past);
	return add_saturated(limit, -past);
}

/* The last number that an outbound SA has used up, as limits stand. Numbers that were taken past
 * the limit were never sent: they are passed over, lest they count when the limit moves. */
static uint64_t
settle_taken(struct sa *sa)
{
	uint64_t taken = atomic_load_explicit(&sa->sequence, memory_order_relaxed);
	uint64_t sent = smaller(taken, sa->limit_sequence);

	if (taken > lifetime_last_sequence(sa->esn))
		return sent;
	sa->record->first_sequence += taken - sent;
	return taken;
}

void
lifetime_set_limits(struct sa *sa)
{
	struct sa_record *record = sa->record;
	uint64_t packets = left_here(record->lifetime.packets, record->past.packets);
	uint64_t last = lifetime_last_sequence(sa->esn);
	uint64_t taken = settle_taken(sa);
	uint64_t last_paid = add_saturated(record->first_sequence, packets);

	sa->limit_bytes = left_here(record->lifetime.bytes, record->past.bytes);
	sa->limit_packets = packets;
	sa->limit_reason = last_paid < last ? DROP_sa_expired : DROP_sequence_exhausted;
	/* Never below what was sent, of which it is the count. */
	sa->limit_sequence = larger(smaller(last, last_paid), taken);
}

/* Seconds from a wall clock time until now, in ns. */
static uint64_t
age_ns(uint64_t at, uint64_t now_wall)
{
	return at != 0 && at < now_wall ? (now_wall - at) * SECOND_NS : 0;
}

void
lifetime_set_past(struct sa *sa, const struct sa_past *past, uint64_t now_ns)
{
	struct sa_record *record = sa->record;
	uint64_t wall = (uint64_t)time(NULL);

	record->past = *past;
	record->added_at = past->added_at != 0 ? past->added_at : wall;
	record->used_at = past->used_at;
	record->past_age_ns = age_ns(past->added_at, wall);
	record->past_use_ns = age_ns(past->used_at, wall);
	record->installed_ns = now_ns;
	record->used_ns = record->installed_ns;
}

/* How far an SA has come. */
struct progress {
	struct traffic traffic;
	uint64_t age_ns;
	uint64_t use_ns; /* since its first packet; 0: not used yet */
};

static uint64_t
elapsed(uint64_t now_ns, uint64_t since_ns)
{
	return now_ns > since_ns ? now_ns - since_ns : 0;
}

static struct progress
measure(const struct sa *sa, uint64_t now_ns)
{
	const struct sa_record *record = sa->record;
	struct progress progress = { 0 };

	sa_traffic(sa, &progress.traffic);
	progress.age_ns = add_saturated(record->past_age_ns, elapsed(now_ns, record->installed_ns));
	if (record->used_at != 0)
		progress.use_ns =
			add_saturated(record->past_use_ns, elapsed(now_ns, record->used_ns));
	return progress;
}

static void
note_first_use(struct sa *sa, uint64_t now_ns)
{
	struct sa_record *record = sa->record;
	struct traffic traffic;

	if (record->used_at != 0)
		return;
	sa_traffic(sa, &traffic);
	if (traffic.packets == 0)
		return;
	record->used_at = (uint64_t)time(NULL);
	record->used_ns = now_ns;
}

static bool
reached(uint64_t limit, uint64_t value)
{
	return limit != 0 && value >= limit;
}

/* Which of the limits is reached, in words; NULL: none. */
static const char *
find_reached(const struct sa_lifetime *limits, const struct progress *progress)
{
	if (reached(limits->seconds, progress->age_ns / SECOND_NS))
		return "its lifetime in seconds";
	if (reached(limits->use_seconds, progress->use_ns / SECOND_NS))
		return "its lifetime in seconds of use";
	if (reached(limits->bytes, progress->traffic.bytes))
		return "its lifetime in bytes";
	if (reached(limits->packets, progress->traffic.packets))
		return "its lifetime in packets";
	return NULL;
}

/* For so long none of the limits can be reached. */
static uint64_t
headroom_ns(const struct sa_lifetime *limits, const struct progress *progress)
{
	uint64_t room = left(multiply_saturated(limits->seconds, SECOND_NS), progress->age_ns);

	room = smaller(
		room, left(multiply_saturated(limits->use_seconds, SECOND_NS), progress->use_ns));
	if (limits->bytes != 0)
		room = smaller(
			room, left(limits->bytes, progress->traffic.bytes) / BYTES_PER_NS_MAX);
	if (limits->packets != 0)
		room = smaller(room,
			multiply_saturated(left(limits->packets, progress->traffic.packets),
				NS_PER_PACKET_MIN));
	return room;
}

static struct sa_lifetime
left_of(const struct sa_lifetime *limits, const struct progress *progress)
{
	return (struct sa_lifetime) {
		.packets = left(limits->packets, progress->traffic.packets),
		.bytes = left(limits->bytes, progress->traffic.bytes),
		.seconds = left(limits->seconds, progress->age_ns / SECOND_NS),
		.use_seconds = left(limits->use_seconds, progress->use_ns / SECOND_NS),
	};
}

struct lifetime_view
lifetime_view(const struct sa *sa, uint64_t now_ns)
{
	struct progress progress = measure(sa, now_ns);

	return (struct lifetime_view) {
		.age_seconds = progress.age_ns / SECOND_NS,
		.hard_left = left_of(&sa->record->lifetime, &progress),
		.soft_left = left_of(&sa->record->soft, &progress),
	};
}

struct lifetime_verdict
lifetime_judge(struct sa *sa, uint64_t now_ns)
{
	struct sa_record *record = sa->record;

	note_first_use(sa, now_ns);

	struct progress progress = measure(sa, now_ns);
	struct lifetime_verdict verdict = { .ran_out = find_reached(&record->lifetime, &progress) };
	uint64_t room = headroom_ns(&record->lifetime, &progress);

	if (sa->direction == SA_OUT) {
		uint64_t taken = atomic_load_explicit(&sa->sequence, memory_order_relaxed);
		uint64_t numbers = left(sa->limit_sequence, taken);

		if (numbers == 0 && verdict.ran_out == NULL)
			verdict.ran_out = "the end of its sequence numbers";
		room = smaller(room, multiply_saturated(numbers, NS_PER_PACKET_MIN));
	}
	if (!record->soft_expired) {
		verdict.soft = find_reached(&record->soft, &progress) != NULL;
		room = smaller(room, headroom_ns(&record->soft, &progress));
	}
	if (record->used_at == 0)
		room = smaller(room, FIRST_USE_NS);
	verdict.look_ns = add_saturated(now_ns, room);
	return verdict;
}
