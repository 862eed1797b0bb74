/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "session.h"

/* Espalier's own family: show, explain, resume, tunnels held down. Its answers are JSON texts. */
extern const struct family own_family;
