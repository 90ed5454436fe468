#include "ring_filter.h"

namespace flowspan {

std::vector<sock_filter> ringFilter(const std::vector<sock_filter>& filter, FirstStage stage, uint32_t snapLength,
                                    const std::vector<sock_filter>& tail) {
  std::vector<sock_filter> code;
  if (stage.interval > 1) {
    // Uniform in 32 bits (get_random_u32), so of a power of two the lower bits are a fair draw.
    code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM)));
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, stage.interval - 1, 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
  }
  const size_t first = code.size();
  code.insert(code.end(), filter.begin(), filter.end());
  if (!stage.marks && tail.empty()) return code;
  const size_t end = code.size();
  for (size_t at = first; at < end; at++) {
    const bool accepts = code[at].code == (BPF_RET | BPF_K) && code[at].k != 0;
    if (accepts) code[at] = BPF_STMT(BPF_JMP | BPF_JA, static_cast<uint32_t>(end - at - 1));
  }
  if (!stage.marks) {
    code.insert(code.end(), tail.begin(), tail.end());
    return code;
  }
  code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0));
  code.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, snapLength, 0, 1));
  code.push_back(BPF_STMT(BPF_RET | BPF_K, snapLength - 1));
  code.push_back(BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 1));
  code.push_back(BPF_STMT(BPF_RET | BPF_A, 0));
  return code;
}

}  // namespace flowspan
