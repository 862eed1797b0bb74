/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernel_if_link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "log.h"

#ifndef IFF_NO_CARRIER
#define IFF_NO_CARRIER 0x0040
#endif

#define DEVICE "/dev/net/tun"

/* What to do about it. */
static const char *
advice(int error)
{
	switch (error) {
	case EPERM:
	case EACCES:
		return "; it takes CAP_NET_ADMIN; or give --no-kernel-interfaces";
	case EBUSY:
		return "; another process serves it";
	case EINVAL:
	case EEXIST:
		return "; is there an interface of that name of another kind? Give another as "
		       "\"interface\", or set kernel_netns";
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return "; load the kernel module tun, or give --no-kernel-interfaces";
	default:
		return "";
	}
}

static int
complain(const struct kernel_link_spec *spec, const char *step)
{
	int error = errno;

	log_error("kernel interface '%s': %s: %s%s", spec->name, step, strerror(error),
		advice(error));
	return -error;
}

/* Attaches the descriptor to the interface, which stays when we go. */
static int
attach(int fd, const struct kernel_link_spec *spec)
{
	struct ifreq request = { 0 };
	unsigned features = 0;

	request.ifr_flags = IFF_NO_PI | (spec->kind == KERNEL_LINK_TAP ? IFF_TAP : IFF_TUN);
	/* Else routing daemons would see a carrier come and go at each start. */
	if (ioctl(fd, TUNGETFEATURES, &features) == 0 && spec->kind == KERNEL_LINK_TUN)
		request.ifr_flags |= (short)(features & IFF_NO_CARRIER);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", spec->name);
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		return complain(spec, "cannot be made or adopted");
	if (ioctl(fd, TUNSETPERSIST, 1) < 0)
		return complain(spec, "cannot be made to stay");
	return 0;
}

static int
find_index(const struct kernel_link_spec *spec, uint32_t *ifindex)
{
	struct ifreq request = { 0 };
	int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", spec->name);
	if (any < 0 || ioctl(any, SIOCGIFINDEX, &request) < 0) {
		int error = complain(spec, "has no index");

		if (any >= 0)
			close(any);
		return error;
	}
	close(any);
	*ifindex = (uint32_t)request.ifr_ifindex;
	return 0;
}

static int
configure(struct kernel_link *link, struct rtnl *rtnl, const struct kernel_link_spec *spec)
{
	int error = rtnl_set_up(rtnl, link->ifindex, spec->mac, spec->mtu);

	if (error == 0)
		error = rtnl_set_addresses(rtnl, link->ifindex, spec->addresses, spec->n_addresses);
	if (error != 0) {
		errno = -error;
		complain(spec, "cannot be given MAC, MTU and addresses");
	}
	return error;
}

int
kernel_link_open(struct kernel_link *link, struct rtnl *rtnl, const struct kernel_link_spec *spec)
{
	int error;

	*link = (struct kernel_link) { .fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC) };
	if (link->fd < 0)
		return complain(spec, "cannot open " DEVICE);
	error = attach(link->fd, spec);
	if (error == 0)
		error = find_index(spec, &link->ifindex);
	link->mtu = spec->mtu;
	/* The kernel's opinion may be another: so it is told, whatever it has. */
	link->carrier = spec->kind == KERNEL_LINK_TUN;
	if (error == 0)
		kernel_link_set_carrier(link, spec->kind == KERNEL_LINK_TAP);
	if (error == 0)
		error = configure(link, rtnl, spec);
	if (error != 0)
		kernel_link_close(link);
	return error;
}

void
kernel_link_close(struct kernel_link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
}

void
kernel_link_set_carrier(struct kernel_link *link, bool carrier)
{
	int value = carrier;

	if (link->fd < 0 || link->carrier == carrier)
		return;
	link->carrier = carrier;
	/* It fails where somebody deleted the interface, which reading tells. */
	(void)ioctl(link->fd, TUNSETCARRIER, &value);
}

void
kernel_link_set_mtu(struct kernel_link *link, struct rtnl *rtnl, uint16_t mtu)
{
	if (link->fd < 0 || link->mtu == mtu)
		return;
	link->mtu = mtu;
	(void)rtnl_set_mtu(rtnl, link->ifindex, mtu);
}
