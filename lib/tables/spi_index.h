/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdint.h>

/*
 * How workers find an inbound SA by (SPI, destination): an open-addressing table that is only ever
 * added to. Taking an SA away empties its place but leaves the name; a table half full of names is
 * replaced whole by a fresh one of the right size. So no place ever changes its name under a
 * reader, and adding costs a constant on average.
 */

struct sa;
struct spi_index;
struct publisher;

/* NULL: out of memory. Control only. */
struct spi_index *spi_index_create(void);
void spi_index_destroy(struct spi_index *index);

/* Adds an SA under its SPI and destination, which nobody has now. May replace the table behind
 * `index`. 0 or -ENOMEM with nothing changed. Control only. */
int spi_index_add(struct publisher *publisher, struct spi_index **index, struct sa *sa);
/* Takes it away; readers may hold it for a grace period more. Control only. */
void spi_index_remove(struct spi_index *index, const struct sa *sa);

/* As sa_lookup(). Worker, online. */
void spi_index_lookup(const struct spi_index *index, const uint32_t spi[],
	const uint32_t destination[], struct sa *sa[], unsigned n);
