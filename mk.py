from scapy.all import *
p=[Ether(dst="02:00:00:00:00:09")/IP(src="10.0.0.1",dst=f"192.168.0.{i%200+1}")/UDP(sport=i,dport=53)/(b"x"*i) for i in range(300)]
wrpcap("in.pcap",p); wrpcap("none.pcap",[Ether()/ARP()])
