import mkdocs_mathml


def test_formulas_become_mathml():
    page = r'<p>With <span class="arithmatex">\(a &lt; b\)</span>:</p><div class="arithmatex">\[x^2\]</div>'
    rendered = mkdocs_mathml.on_page_content(page)
    assert "arithmatex" not in rendered
    assert rendered.count("<math") == 2
    assert 'display="inline"' in rendered
    assert 'display="block"' in rendered
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in rendered
    assert "&amp;lt;" not in rendered


def test_pages_without_formulas_stay_as_they_are():
    page = "<p>Costs $5, not $6.</p>"
    assert mkdocs_mathml.on_page_content(page) == page


def test_a_minus_that_is_a_sign_stands_close_to_its_number():
    rendered = mkdocs_mathml.on_page_content(r'<span class="arithmatex">\((-1)^s = a - b\)</span>')
    assert rendered.count('<mo form="prefix">&#x02212;</mo>') == 1
