// The kernel holds a frame's outer VLAN tag beside it, where a filter compiled for a file would look for it in vain. Only a
// handle that libpcap activated on an interface compiles `vlan` for that, so one is opened for the moment.
#include "live_filter.h"

#include <pcap/pcap.h>

#include "failure.h"

namespace flowspan {

namespace {

pcap_t* compilerHandle(const std::string& interface, uint32_t snapLength, bool rawIp) {
  char words[PCAP_ERRBUF_SIZE] = {};
  if (!rawIp) {
    pcap_t* live = pcap_create(interface.c_str(), words);
    if (live != nullptr) {
      pcap_set_snaplen(live, static_cast<int>(snapLength));
      pcap_set_buffer_size(live, 65'536);
      pcap_set_timeout(live, 1);
      if (pcap_activate(live) >= 0) return live;
      pcap_close(live);  // the interface may be down or busy: tags are then only found inside frames
    }
  }
  return pcap_open_dead(rawIp ? DLT_RAW : DLT_EN10MB, static_cast<int>(snapLength));
}

}  // namespace

std::vector<sock_filter> liveFilter(const std::string& expression, const std::string& interface, uint32_t snapLength, bool rawIp) {
  if (expression.empty()) return {sock_filter{BPF_RET | BPF_K, 0, 0, snapLength}};
  pcap_t* handle = compilerHandle(interface, snapLength, rawIp);
  if (handle == nullptr) throw Failure("ENOMEM", "no memory to compile the filter");
  bpf_program program{};
  if (pcap_compile(handle, &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    const std::string words = pcap_geterr(handle);
    pcap_close(handle);
    throw Failure("EBADFILTER", "filter \"" + expression + "\" on " + interface + ": " + words);
  }
  std::vector<sock_filter> code;
  for (u_int i = 0; i < program.bf_len; i++) {
    const bpf_insn& one = program.bf_insns[i];
    code.push_back(sock_filter{one.code, one.jt, one.jf, one.k});
  }
  pcap_freecode(&program);
  pcap_close(handle);
  return code;
}

}  // namespace flowspan
