import sys,time,resource; sys.path.insert(0,'benchmarks/anonymisation')
import numpy as np, hospital_visits as h
from kiban_processing.risk import known_events as ke, events
n=int(sys.argv[1]); kinds=sys.argv[2]
v=h.generate(n,1)
print(len(v.day), flush=True)
kind=v.code if kinds=='code' else np.zeros(len(v.day),np.int64)
src=events.of(n,v.person,kind,v.day)
w=26; wk=np.random.default_rng(2).integers(-w,w+1,n)
rel=events.of(n,v.person,kind,v.day+7*wk[v.person])
for d in (0,3,7):
    t=time.process_time(); r=ke.measure(src,rel,np.ones(n,bool),[(m,d) for m in (1,2,3,4)],5,w,7); t=time.process_time()-t
    print(d,'cpu',round(t,1),[(x.events,round(x.before.share,3),round(x.after.share,3),round(x.after.below_k_share,3)) for x in r], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss//1024, flush=True)
