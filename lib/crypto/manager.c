/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager.h"

#include <cpuid.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler.h"

/* What differs between versions of the library: 2.0 took AVX without AVX2 away, and lets a manager
 * tell which variant of its architecture it is. */
#define HAS_AVX (IMB_VERSION_NUM < IMB_VERSION(2, 0, 0))
#define HAS_ARCH_TYPE (!HAS_AVX)

/* State components of XCR0 that the operating system must save (Intel SDM volume 1, 13.3). */
#define XCR0_SSE_AVX UINT64_C(0x06)    /* XMM, YMM */
#define XCR0_SSE_AVX512 UINT64_C(0xe6) /* XMM, YMM, opmask, ZMM_Hi256, Hi16_ZMM */

struct arch {
	const char *name;
	IMB_ARCH id;
	uint64_t cpu_flags; /* IMB_FEATURE_* */
	uint64_t xcr0;
	void (*init)(IMB_MGR *);
};

/* Best first. */
static const struct arch arches[] = {
	{ "avx512", IMB_ARCH_AVX512, IMB_CPUFLAGS_AVX512, XCR0_SSE_AVX512, init_mb_mgr_avx512 },
	{ "avx2", IMB_ARCH_AVX2, IMB_CPUFLAGS_AVX2, XCR0_SSE_AVX, init_mb_mgr_avx2 },
#if HAS_AVX
	{ "avx", IMB_ARCH_AVX, IMB_CPUFLAGS_AVX, XCR0_SSE_AVX, init_mb_mgr_avx },
#endif
	{ "sse", IMB_ARCH_SSE, IMB_CPUFLAGS_SSE, 0, init_mb_mgr_sse },
};

/* The register state that the operating system saves at a context switch; 0 where it does not
 * even enable XGETBV. */
static uint64_t
enabled_state(void)
{
	unsigned eax, ebx, ecx, edx;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx & bit_OSXSAVE) == 0)
		return 0;
	__asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
	return ((uint64_t)edx << 32) | eax;
}

/*
 * The library (1.3) looks at CPUID alone. A kernel or hypervisor that does not save the wide
 * registers would let it fault, or worse, mix the registers of two threads.
 */
static bool
usable(const struct arch *arch)
{
	return (imb_get_feature_flags() & arch->cpu_flags) == arch->cpu_flags &&
		(enabled_state() & arch->xcr0) == arch->xcr0;
}

static bool
is_any(const char *arch)
{
	return arch == NULL || strcmp(arch, "auto") == 0;
}

/* NULL with `error` written. */
static const struct arch *
choose(const char *name, char *error, size_t error_bytes)
{
	bool any = is_any(name);

	for (unsigned i = 0; i < ARRAY_LEN(arches); i++) {
		if (!any && strcmp(arches[i].name, name) != 0)
			continue;
		if (usable(&arches[i]))
			return &arches[i];
		if (any)
			continue;
		snprintf(error, error_bytes,
			"architecture \"%s\" is not offered by this CPU and operating system",
			name);
		return NULL;
	}
	if (any)
		snprintf(error, error_bytes, "this CPU has no AES-NI and SSE4.2");
	else
		snprintf(error, error_bytes,
			"unknown architecture \"%s\": use auto, avx512, avx2%s or sse", name,
			HAS_AVX ? ", avx" : "");
	return NULL;
}

IMB_MGR *
manager_create(const char *arch_name, char *error, size_t error_bytes)
{
	const struct arch *arch = choose(arch_name, error, error_bytes);
	size_t bytes = imb_get_mb_mgr_size();
	IMB_MGR *manager = NULL;
	void *memory;

	if (arch == NULL)
		return NULL;
	if (posix_memalign(&memory, CACHE_LINE_BYTES, bytes) != 0) {
		snprintf(error, error_bytes, "out of memory");
		return NULL;
	}
	manager = imb_set_pointers_mb_mgr(memory, 0, 1);
	if (manager != NULL)
		arch->init(manager);
	if (manager == NULL || imb_get_errno(manager) != 0 || manager->used_arch != arch->id) {
		snprintf(error, error_bytes, "intel-ipsec-mb %s did not start on %s: %s",
			imb_get_version_str(), arch->name,
			imb_get_strerror(
				manager == NULL ? imb_get_errno(NULL) : imb_get_errno(manager)));
		free(memory);
		return NULL;
	}
	return manager;
}

IMB_MGR *
manager_create_narrow(const char *arch, const IMB_MGR *wide)
{
	char error[128];

	if (!is_any(arch) || wide->used_arch == IMB_ARCH_SSE ||
		(imb_get_feature_flags() & IMB_FEATURE_SHANI) == 0)
		return NULL;
	return manager_create("sse", error, sizeof(error));
}

void
manager_destroy(IMB_MGR *manager)
{
	if (manager == NULL)
		return;
	explicit_bzero(manager, imb_get_mb_mgr_size());
	free(manager);
}

/* Which variant of its architecture the library took. */
static unsigned
variant(const IMB_MGR *manager)
{
#if HAS_ARCH_TYPE
	return manager->used_arch_type;
#else
	static const struct {
		IMB_ARCH id;
		unsigned type;
		uint64_t cpu_flags;
	} variants[] = {
		{ IMB_ARCH_AVX512, 2, IMB_CPUFLAGS_AVX512_T2 },
		{ IMB_ARCH_AVX2, 2, IMB_CPUFLAGS_AVX2_T2 },
		{ IMB_ARCH_AVX, 2, IMB_CPUFLAGS_AVX_T2 },
		{ IMB_ARCH_SSE, 3, IMB_CPUFLAGS_SSE_T3 },
		{ IMB_ARCH_SSE, 2, IMB_CPUFLAGS_SSE_T2 },
	};

	for (unsigned i = 0; i < ARRAY_LEN(variants); i++)
		if (variants[i].id == (IMB_ARCH)manager->used_arch &&
			(manager->features & variants[i].cpu_flags) == variants[i].cpu_flags)
			return variants[i].type;
	return 1;
#endif
}

void
manager_describe(const IMB_MGR *manager, const IMB_MGR *narrow, char *text, size_t text_bytes)
{
	const char *name = "";

	for (unsigned i = 0; i < ARRAY_LEN(arches); i++)
		if (arches[i].id == (IMB_ARCH)manager->used_arch)
			name = arches[i].name;
	snprintf(text, text_bytes, "%s (type %u)%s, intel-ipsec-mb %s", name, variant(manager),
		narrow != NULL ? " and SHA instructions" : "", imb_get_version_str());
}
