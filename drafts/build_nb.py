"""Turn a text file into a notebook: python build_nb.py SOURCE.txt notebooks/NAME.ipynb

Cells are separated by lines of the form   %% md ID [key=value …]   or   %% code ID [approx] [folded] [console] [solution=GRADE_ID] [test=GRADE_ID:POINTS] [hidden=GRADE_ID:POINTS] [words=GRADE_ID:POINTS] [aside]
aside: heading cell that JupyterLab shows collapsed. folded: source_hidden.
"""
import json, sys, re
def nbg(gid, **k):
    base=dict(grade=False,grade_id=gid,locked=False,schema_version=3,solution=False,task=False); base.update(k); return dict(sorted(base.items()))
def build(text):
    cells=[]
    for part in re.split(r"^%% ", text, flags=re.M)[1:]:
        head, _, body = part.partition("\n")
        kind, cid, *flags = head.split()
        body=body.strip("\n"); meta={}
        for f in flags:
            k,_,v=f.partition("=")
            if f=="approx": meta.setdefault("tags",[]).append("approx")
            elif f=="console": meta.setdefault("tags",[]).append("result-console")
            elif f=="aside": meta["jp-MarkdownHeadingCollapsed"]=True
            elif f=="folded": meta["jupyter"]={"source_hidden":True}
            elif k=="solution": meta["jupyter"]={"source_hidden":True}; meta["nbgrader"]=nbg(v,solution=True)
            elif k=="test": g,p=v.split(":"); meta["nbgrader"]=nbg(g,grade=True,locked=True,points=int(p))
            elif k=="hidden": g,p=v.split(":"); meta["jupyter"]={"source_hidden":True}; meta["nbgrader"]=nbg(g,grade=True,locked=True,points=int(p))
            elif k=="words": g,p=v.split(":"); meta["nbgrader"]=nbg(g,grade=True,solution=True,points=int(p))
            elif k=="tag": meta.setdefault("tags",[]).append(v)
            else: raise SystemExit(f"unknown flag {f} in {head}")
        c={"cell_type":"markdown" if kind=="md" else "code","id":cid,"metadata":dict(sorted(meta.items())),"source":body.splitlines(keepends=True)}
        if kind!="md": c={"cell_type":"code","execution_count":None,"id":cid,"metadata":c["metadata"],"outputs":[],"source":c["source"]}
        cells.append(c)
    ids=[c["id"] for c in cells]; assert len(ids)==len(set(ids)), [i for i in ids if ids.count(i)>1]
    return {"cells":cells,"metadata":{"kernelspec":{"display_name":"Python 3 (ipykernel)","language":"python","name":"python3"},"language_info":{"name":"python"}},"nbformat":4,"nbformat_minor":5}
if __name__=="__main__":
    nb=build(open(sys.argv[1],encoding="utf-8").read())
    open(sys.argv[2],"w",encoding="utf-8").write(json.dumps(nb,indent=1,ensure_ascii=False)+"\n")
