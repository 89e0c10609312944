"""The servers that ``bench/http.py`` measures beside ours, one program each."""
