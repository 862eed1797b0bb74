/* SPDX-License-Identifier: BSD-3-Clause */
#include "limit_threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <x86intrin.h>

struct thread {
	pthread_t id;
	pthread_barrier_t *start;
	struct work *work;
	const struct method *method;
	double seconds;
	struct result result;
};

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void *
run(void *context)
{
	struct thread *thread = context;
	struct work *work = thread->work;
	uint64_t packets = 0, start_ns, end_ns, start, cycles, t;

	thread->method->pass(work); /* warms up */
	pthread_barrier_wait(thread->start);
	start_ns = now_ns();
	end_ns = start_ns + (uint64_t)(thread->seconds * 1e9);
	start = __rdtsc();
	do {
		for (unsigned i = 0; i < 16; i++)
			packets += thread->method->pass(work);
		t = now_ns();
	} while (t < end_ns);
	cycles = __rdtsc() - start;
	while (IMB_FLUSH_JOB(work->manager) != NULL)
		; /* the next round may be of another method */
	thread->result = (struct result) { (double)cycles / (double)packets,
		(double)packets * 1e3 / (double)(t - start_ns) };
	return NULL;
}

struct result
threads_run(const struct threads *threads, const struct options *options,
	const struct method *method, double seconds)
{
	struct thread thread[CPUS_MAX];
	pthread_barrier_t start;
	struct result sum = { 0 };

	pthread_barrier_init(&start, NULL, threads->n);
	for (unsigned i = 0; i < threads->n; i++) {
		pthread_attr_t attributes;
		cpu_set_t cpus;

		pthread_attr_init(&attributes);
		CPU_ZERO(&cpus);
		if (options->cpus_n > 0) {
			CPU_SET(options->cpus[i], &cpus);
			pthread_attr_setaffinity_np(&attributes, sizeof(cpus), &cpus);
		}
		thread[i] = (struct thread) { .start = &start,
			.work = threads->works[i],
			.method = method,
			.seconds = seconds };
		if (pthread_create(&thread[i].id, &attributes, run, &thread[i]) != 0)
			abort(); /* a CPU that is not there: options.c has asked */
		pthread_attr_destroy(&attributes);
	}
	for (unsigned i = 0; i < threads->n; i++) {
		pthread_join(thread[i].id, NULL);
		sum.mpps += thread[i].result.mpps;
		sum.cycles += thread[i].result.cycles / threads->n;
	}
	pthread_barrier_destroy(&start);
	return sum;
}
