/*
 * Makes a router forget every connection it has translated, as one does that was switched off and on:
 * one netlink message, for the network namespace that it is run in.
 */
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
  struct {
    struct nlmsghdr head;
    struct nfgenmsg body;
  } request;
  memset(&request, 0, sizeof request);
  request.head.nlmsg_len = sizeof request;
  /* Deleting without saying which is deleting all. */
  request.head.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
  request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.body.version = NFNETLINK_V0;

  struct {
    struct nlmsghdr head;
    struct nlmsgerr body;
  } answer;
  memset(&answer, 0, sizeof answer);
  int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
  if (netlink < 0 || send(netlink, &request, sizeof request, 0) < 0 ||
      recv(netlink, &answer, sizeof answer, 0) < 0 || answer.body.error != 0) {
    fprintf(stderr, "flush-conntrack: %s\n", strerror(-answer.body.error));
    return 1;
  }
  close(netlink);
  return 0;
}
